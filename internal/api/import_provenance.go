package api

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// provenance is the standing that a line brings along, as the change to be logged. Its id follows from the content,
// so the same line again is the same change.
func (f *faults) provenance(in importLineIn, actor lifecycle.Actor, now time.Time) *lifecycle.Change {
	change := lifecycle.Change{Actor: actor}
	var p lifecycle.Provenance
	switch {
	case in.Verified != nil && in.RealName != nil:
		f.add("real_name", "not_allowed", "must be left out where verified is given, which includes it", "已提供 verified 时不应再提供 real_name")
		return nil
	case in.Verified != nil:
		change.Event = lifecycle.ImportVerified
		p.At = f.instantOf("verified.at", in.Verified.At)
		p.Method, p.Evidence, p.By = in.Verified.Method, in.Verified.Evidence, in.Verified.By
		f.matches("verified.method", p.Method, codePattern, codeFmt, codeZh)
		f.matches("verified.evidence", p.Evidence, evidencePattern, evidenceFmt, evidenceZh)
		f.reference("verified.by", p.By)
		f.past("verified.at", p.At, now)
	case in.RealName != nil:
		change.Event = lifecycle.ImportApproved
		p.At = f.instantOf("real_name.at", in.RealName.At)
		p.Evidence, p.By = in.RealName.Evidence, in.RealName.By
		f.matches("real_name.evidence", p.Evidence, evidencePattern, evidenceFmt, evidenceZh)
		f.reference("real_name.by", p.By)
		f.past("real_name.at", p.At, now)
	default:
		return nil
	}
	content := string(change.Event) + "\n" + p.At.UTC().Format(time.RFC3339Nano) + "\n" + p.Method + "\n" + p.Evidence
	if p.By != "" {
		content += "\n" + p.By
	}
	sum := sha256.Sum256([]byte(content))
	change.ChangeID, change.At = "import-"+hex.EncodeToString(sum[:16]), p.At
	change.Detail.Provenance = &p
	return &change
}

const (
	evidenceFmt = "must be an opaque reference of 1 to 128 characters of A-Z a-z 0-9 . _ : / # -"
	evidenceZh  = "应为 1 到 128 个字符的引用标识，可用 A-Z a-z 0-9 . _ : / # -"
)

// reference checks an opaque reference that may be left out.
func (f *faults) reference(field, text string) {
	if text != "" {
		f.matches(field, text, evidencePattern, evidenceFmt, evidenceZh)
	}
}

func (f *faults) past(field string, t, now time.Time) {
	if t.After(now) {
		f.add(field, "in_future", "must not lie in the future", "不能晚于当前时间")
	}
}
