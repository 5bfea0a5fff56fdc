package alipaysim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The operations that faults strike.
const (
	OpInitialize = "initialize"
	OpQuery      = "query"
	OpCertify    = "certify"
)

// The kinds of faults. "Before" kinds strike before anything is done; "after"
// kinds do what was asked and then spoil the answer.
const (
	FaultHTTP500      = "http_500"      // before: empty 500
	FaultHTTP503      = "http_503"      // before: 503 with Retry-After: 2
	FaultRedirect308  = "redirect_308"  // before: redirects to itself, which a client must not follow
	FaultHTML         = "html"          // before: 200 with a proxy's page
	FaultNeverAnswers = "never_answers" // before: hangs until the client gives up
	FaultDrop         = "drop"          // before: closes the connection without a byte
	FaultBusy20000    = "busy_20000"    // before: signed 20000
	FaultLimited40005 = "limited_40005" // before: signed 40005
	FaultForbidden    = "forbidden_40006"
	FaultProcessing   = "processing_10003"
	FaultSystemError  = "system_error"     // before: signed 40004 SYSTEM_ERROR
	FaultUnknownError = "unknown_error"    // before: signed 40004 unknown-sub-code
	FaultNewSubCode   = "new_sub_code"     // before: signed 40004 with a sub_code nobody has seen
	FaultFormatError  = "format_error"     // before: signed 40004 ILLEGAL_ARGUMENT_FORMAT
	FaultDelay        = "delay"            // after: answers late
	FaultCutBody      = "cut_body"         // after: half of the answer, then the connection ends
	FaultDidItButCut  = "did_it_but_cut"   // after: no byte of the answer
	FaultWrongSign    = "wrong_sign"       // after: signature over other bytes
	FaultUnsigned     = "unsigned_success" // after: no signature
	FaultDuplicate    = "duplicate_node"   // after: a second, forged node of the same name
	FaultOtherMethod  = "other_method"     // after: a truly signed answer of the other method under this node's name
	FaultPassedArray  = "passed_array"     // after: passed as ["T"] or ["F"]
	FaultPassedOdd    = "passed_odd"       // after: passed as "X"
	FaultFlipLate     = "flip_late"        // after: "F" although the person has passed; used up only then
	FaultCertSN       = "cert_sn"          // after: another alipay_cert_sn
	FaultHugeBody     = "huge_body"        // after: 2 MiB of answer
)

// kinds lists for each kind the operations it can strike.
func kinds() map[string][]string {
	api, every := []string{OpInitialize, OpQuery}, []string{OpInitialize, OpQuery, OpCertify}
	return map[string][]string{
		FaultHTTP500: every, FaultHTTP503: every, FaultRedirect308: every, FaultHTML: every,
		FaultNeverAnswers: every, FaultDrop: every, FaultDelay: every,
		FaultBusy20000: api, FaultLimited40005: api, FaultForbidden: api, FaultProcessing: api,
		FaultSystemError: api, FaultUnknownError: api, FaultNewSubCode: api, FaultFormatError: api,
		FaultCutBody: api, FaultDidItButCut: api, FaultWrongSign: api, FaultUnsigned: api, FaultDuplicate: api,
		FaultOtherMethod: api, FaultCertSN: api, FaultHugeBody: api,
		FaultPassedArray: {OpQuery}, FaultPassedOdd: {OpQuery}, FaultFlipLate: {OpQuery},
	}
}

// Kinds lists every kind of fault, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds())) }

// Fault is an armed fault.
type Fault struct {
	Kind    string `json:"kind"`
	Op      string `json:"op,omitempty"`       // "": initialize and query
	Times   int    `json:"times"`              // calls still to be struck; 0 means 1 when arming
	DelayMS int    `json:"delay_ms,omitempty"` // for "delay"; 0 means Config.Delay
}

// maxTimes and maxDelayMS bound a fault; more is a mistake of the test.
const (
	maxTimes   = 1_000_000
	maxDelayMS = 10 * 60 * 1000
)

// ErrFault is a fault that cannot be armed; its text says why.
var ErrFault = errors.New("alipaysim: fault not armed")

// Arm queues a fault.
func (s *Simulator) Arm(f Fault) error {
	ops, known := kinds()[f.Kind]
	switch {
	case !known:
		return fmt.Errorf("%w: kind must be one of %v", ErrFault, Kinds())
	case f.Op != "" && !slices.Contains(ops, f.Op):
		return fmt.Errorf("%w: op of this kind must be empty or one of %v", ErrFault, ops)
	case f.Times < 0 || f.Times > maxTimes:
		return fmt.Errorf("%w: times must be from 1 to %d", ErrFault, maxTimes)
	case f.DelayMS < 0 || f.DelayMS > maxDelayMS:
		return fmt.Errorf("%w: delay_ms must be from 0 to %d", ErrFault, maxDelayMS)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return nil
}

// Disarm drops all armed faults.
func (s *Simulator) Disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Armed lists the faults still to strike.
func (s *Simulator) Armed() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

// take uses up the first fault that strikes op. passed tells whether the attempt
// asked for has been passed, which flip_late waits for.
func (s *Simulator) take(op string, passed bool) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := s.faults[i]
		strikes := f.Op == op || (f.Op == "" && op != OpCertify && slices.Contains(kinds()[f.Kind], op))
		if !strikes || (f.Kind == FaultFlipLate && !passed) {
			continue
		}
		if s.faults[i].Times--; s.faults[i].Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		s.log.Info("fault strikes", "kind", f.Kind, "op", op)
		return f
	}
	return Fault{}
}

func (s *Simulator) delayOf(f Fault) time.Duration {
	if f.DelayMS > 0 {
		return time.Duration(f.DelayMS) * time.Millisecond
	}
	return s.cfg.Delay
}
