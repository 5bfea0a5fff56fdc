package api

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// problemOfPolicy turns what the rulebook's desk refuses into a problem, nil if err is none of that.
func problemOfPolicy(err error) *Problem {
	var number *rulebook.NumberError
	var state *rulebook.StateError
	var clash *rulebook.ClashError
	var found policyfile.Faults
	var f faults
	switch {
	case errors.As(err, &found):
		f.policy(found)
	case errors.As(err, &number):
		next, given := strconv.Itoa(number.Next), strconv.Itoa(number.Given)
		f.add("text.version", "not_next", "must be "+next+", the next number of this policy; the file says "+given,
			"应为该规则的下一个版本号 "+next+"，文件中为 "+given)
	case errors.Is(err, rulebook.ErrBackdated):
		f.add("effective_from", "out_of_range",
			"must not lie in the past: a backdated rule would change what the gate has said; leave it out to begin with the approval",
			"不得早于当前时间：追溯生效会改变已作出的判定；省略该字段则自批准时生效")
	case errors.As(err, &clash):
		return problemOfClash(clash)
	case errors.As(err, &state):
		return &Problem{Code: CodePolicyState, Policy: state.State, cause: err}
	default:
		return problemOfDesk(err)
	}
	return &Problem{Code: CodeValidationFailed, Errors: f, cause: err}
}

func problemOfDesk(err error) *Problem {
	for _, row := range []struct {
		is   error
		code Code
	}{
		{rulebook.ErrTaken, CodePolicyVersionTaken},
		{rulebook.ErrSecondApprover, CodeSecondApprover},
		{rulebook.ErrUnknownPolicy, CodePolicyNotFound},
		{rulebook.ErrNotBraked, CodeNotBraked},
	} {
		if errors.Is(err, row.is) {
			return &Problem{Code: row.code, cause: err}
		}
	}
	if errors.Is(err, rulebook.ErrUnknownRule) {
		var f faults
		f.add("rule", "not_known", "must be a rule of an approved version of the policy", "应为该规则文件已批准版本中的规则")
		return &Problem{Code: CodeValidationFailed, Errors: f, cause: err}
	}
	return nil
}

func problemOfClash(clash *rulebook.ClashError) *Problem {
	at := clash.At.Format(time.RFC3339)
	p := problem(CodePoliciesClash).because(clash)
	switch {
	case errors.Is(clash, policy.ErrRuleTwice):
		return p.saying("From "+at+" two policies would have a rule of the same id. Rename it in the new version.",
			"自 "+at+" 起将有两个规则文件含有相同的规则标识，请在新版本中改名。")
	case errors.Is(clash, policy.ErrTooManyActions):
		return p.saying(fmt.Sprintf("From %s the policies would declare more than %d actions together.", at, policy.MaxActions),
			fmt.Sprintf("自 %s 起各规则声明的操作总数将超过 %d 个。", at, policy.MaxActions))
	default:
		return p
	}
}

// policy adds the faults of a policy file, which are said in English only.
func (f *faults) policy(found policyfile.Faults) {
	for _, fault := range found {
		field := "text"
		if fault.Path != "" {
			field += "." + fault.Path
		}
		f.add(field, "policy", fmt.Sprintf("line %d: %s", fault.Line, fault.Message), fmt.Sprintf("第 %d 行：%s", fault.Line, fault.Message))
	}
}
