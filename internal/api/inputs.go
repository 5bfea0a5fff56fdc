package api

import (
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

var (
	codePattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)
	digestPattern   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	versionPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	languagePattern = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)
	evidencePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,127}$`)
	actionPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

const (
	maxText = 2000 // characters of free text
	codeFmt = "must be a code of 1 to 64 characters of a-z 0-9 _ . -"
	codeZh  = "应为 1 到 64 个字符的代码，可用 a-z 0-9 _ . -"
)

// instantOf reads RFC 3339 with an offset. Years are bounded by what every database holds exactly.
func (f *faults) instantOf(field, text string) time.Time {
	if text == "" {
		f.required(field)
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1900 || t.Year() > 2200 {
		f.add(field, "instant", "must be an RFC 3339 instant with offset between the years 1900 and 2200, as 2020-11-01T09:00:00+08:00",
			"应为带时区偏移的 RFC 3339 时间（1900 至 2200 年），例如 2020-11-01T09:00:00+08:00")
		return time.Time{}
	}
	return t
}

func (f *faults) required(field string) { f.add(field, "required", "is required", "为必填项") }

func (f *faults) matches(field, text string, pattern *regexp.Regexp, en, zh string) {
	switch {
	case text == "":
		f.required(field)
	case !pattern.MatchString(text):
		f.add(field, "form", en, zh)
	}
}

// facts checks an account's facts.
func (f *faults) facts(id, kind, region, registeredAt string) policy.Account {
	a := policy.Account{ID: id, Kind: policy.Kind(kind), Region: region}
	if !a.Kind.Valid() {
		f.add("kind", "not_allowed", "must be individual or enterprise", "应为 individual 或 enterprise")
	}
	f.region("region", region)
	a.RegisteredAt = f.instantOf("registered_at", registeredAt)
	return a
}

func (f *faults) region(field, region string) {
	if r, err := language.ParseRegion(region); err != nil || !r.IsCountry() || r.String() != region {
		f.add(field, "form", "must be an ISO 3166-1 alpha-2 code in capitals, as CN", "应为大写的 ISO 3166-1 两位字母代码，例如 CN")
	}
}

// realName adds the faults of real-name information, which has words of its own.
func (f *faults) realName(found realname.Faults) {
	for _, fault := range found {
		f.add(string(fault.Field), string(fault.Code), fault.Message.En, fault.Message.ZhCN)
	}
}

func (f *faults) freeText(field, text string) { f.atMost(field, text, maxText) }

func (f *faults) atMost(field, text string, most int) {
	if utf8.RuneCountInString(text) > most {
		f.add(field, "too_long", fmt.Sprintf("must be at most %d characters", most), fmt.Sprintf("最多 %d 个字符", most))
	}
}
