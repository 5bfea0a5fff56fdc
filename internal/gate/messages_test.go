package gate

import (
	"fmt"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/policy"
)

// effectsOf lists the effects that an answer with the reason can have.
func effectsOf(r policy.Reason) []policy.Effect {
	switch r {
	case policy.ReasonNotCovered, policy.ReasonNotRestricted, policy.ReasonVerified, policy.ReasonNotYetAnnounced:
		return []policy.Effect{policy.Allow}
	case policy.ReasonExtended, policy.ReasonGrace, policy.ReasonAnnounced:
		return []policy.Effect{policy.Allow, policy.Prompt}
	case policy.ReasonEnforced:
		return policy.Effects()
	default:
		return nil
	}
}

func TestEveryAnswerHasASentence(t *testing.T) {
	t.Parallel()
	m, err := loadMessages()
	require.NoError(t, err)
	at := time.Date(2020, 12, 4, 0, 0, 0, 0, time.FixedZone("", 8*60*60))
	deadlines := map[string]time.Time{"none": {}, "past": at, "ahead": at.Add(time.Hour)}
	steps := []string{"", policy.StepSubmit, policy.StepStartFace, policy.StepScan, policy.StepWait}
	for _, reason := range policy.Reasons() {
		require.NotEmpty(t, effectsOf(reason), "a reason that this test does not know: %s", reason)
		for _, effect := range effectsOf(reason) {
			for where, deadline := range deadlines {
				if where == "none" && (reason == policy.ReasonExtended || reason == policy.ReasonGrace) {
					continue // both take a block away, and whatever blocks has a deadline
				}
				for _, action := range []string{"create_label", "something_else"} {
					for _, step := range steps {
						name := fmt.Sprintf("%s/%s %s %s %s", effect, reason, where, action, step)
						said := m.of(Answer{
							Decision: policy.Decision{
								Effect: effect, Reason: reason, RuleID: "r1", PolicyName: "p1", PolicyVersion: 7,
								Since: at, Deadline: deadline, RequiredStep: step,
							},
							Action: action, At: at,
						})
						for _, sentence := range []string{said.En, said.ZhCN} {
							require.NotEmpty(t, sentence, name)
							require.NotContains(t, sentence, "{", name)
							require.NotContains(t, sentence, "0001", "the zero instant: "+name)
						}
						require.True(t, hasHan(said.ZhCN), name)
						require.False(t, hasHan(said.En), name)
					}
				}
			}
		}
	}
}

func TestSentencesHaveBothLanguages(t *testing.T) {
	t.Parallel()
	m, err := loadMessages()
	require.NoError(t, err)
	known := map[string]bool{}
	for _, reason := range policy.Reasons() {
		for _, effect := range effectsOf(reason) {
			known[string(effect)+"/"+string(reason)] = true
		}
	}
	for key, variants := range m.Sentences {
		require.True(t, known[key], "a sentence that nobody can be told: %s", key)
		require.Contains(t, variants, "any", key)
		for where, said := range variants {
			require.Equal(t, places(said.En), places(said.ZhCN), "%s %s", key, where)
		}
	}
}

func TestMessageOfABlock(t *testing.T) {
	t.Parallel()
	m, err := loadMessages()
	require.NoError(t, err)
	since := time.Date(2020, 12, 4, 0, 0, 0, 0, time.FixedZone("", 8*60*60))
	said := m.of(Answer{Action: "create_label", At: since, Decision: policy.Decision{
		Effect: policy.Block, Reason: policy.ReasonEnforced, Since: since, Deadline: since, RuleID: "existing-individuals",
		PolicyName: "wishpost", PolicyVersion: 1, RequiredStep: policy.StepSubmit,
	}})
	require.Equal(t, "Since 4 December 2020, 00:00 (UTC+08:00), this account cannot create shipping labels, because it has not completed "+
		"face verification (rule existing-individuals, wishpost version 1). Next: submit the real-name information on the account page.", said.En)
	require.Equal(t, "本账号尚未完成人脸识别验证，自2020年12月4日00:00（UTC+08:00）起无法创建物流面单（规则 existing-individuals，wishpost 第 1 版）。"+
		"下一步：在账号页面提交实名认证信息。", said.ZhCN)
}

// places lists the {places} of a sentence, whatever their order.
func places(sentence string) map[string]bool {
	found := map[string]bool{}
	for i, c := range sentence {
		if c == '{' {
			for j := i; j < len(sentence); j++ {
				if sentence[j] == '}' {
					found[sentence[i:j+1]] = true
					break
				}
			}
		}
	}
	return found
}

func hasHan(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}
