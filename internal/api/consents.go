package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

type startFaceIn struct {
	Consent *consentIn `json:"consent,omitempty" doc:"The merchant's agreement to face processing. May be left out while an earlier one is in force."`
	Provide *provideIn `json:"provide,omitempty" doc:"The merchant's separate agreement to give name and number to the provider. Left out where the text of consent covers both."`
}

type consentIn struct {
	TextVersion string     `json:"text_version" doc:"Version of the text that was shown: the one in force, or one of your own."`
	TextSHA256  string     `json:"text_sha256,omitempty" doc:"Digest of the text that was shown, in hex. For a text of ours it must be that of the version and language; for one of your own it is kept."`
	Language    string     `json:"language" example:"zh-CN" doc:"Language it was shown in: zh-CN or en."`
	Agreed      bool       `json:"agreed" doc:"true: the merchant agreed."`
	ShownAt     *time.Time `json:"shown_at,omitempty" nullable:"false" doc:"When it was shown."`
	Address     string     `json:"address,omitempty" maxLength:"64" doc:"The merchant's network address. Left out, the address of this request is recorded."`
	UserAgent   string     `json:"user_agent,omitempty" maxLength:"512" doc:"The merchant's browser. Left out, that of this request is recorded."`
}

// provideIn is a consent that was given at the same moment as another one.
type provideIn struct {
	TextVersion string `json:"text_version" doc:"Version of the text that was shown: the one in force."`
	TextSHA256  string `json:"text_sha256,omitempty" doc:"Digest of the text that was shown, in hex."`
	Agreed      bool   `json:"agreed" doc:"true: the merchant agreed to this, too."`
}

func (s *Server) startFace(ctx context.Context, c *call, in startFaceIn) (int, statusView, error) {
	command, ref := contract.StartFace{Actor: s.actor(c, lifecycle.ActorMerchant)}, ""
	if in.Consent != nil {
		taken, err := s.keepConsents(ctx, c, *in.Consent, in.Provide)
		if err != nil {
			return 0, statusView{}, err
		}
		command.Consent, command.Also, ref = &taken[0], taken[1:], taken[0].EvidenceRef
	} else if err := s.openAccount(ctx, c); err != nil {
		return 0, statusView{}, err
	}
	status, err := s.cfg.Engine.StartFace(ctx, c.account, c.change, command)
	return s.settled(ctx, c, ref, status, err)
}

// keepConsents checks the consents of a start and puts where they came from into the vault. The first one is that to face
// processing.
func (s *Server) keepConsents(ctx context.Context, c *call, in consentIn, provide *provideIn) ([]contract.Consent, error) {
	if !in.Agreed {
		return nil, problem(CodeConsentRequired)
	}
	var f faults
	face := consent.Given{
		Kind: lifecycle.ConsentFace, Version: in.TextVersion, Language: in.Language, SHA256: in.TextSHA256,
		Action: "stated", Channel: "api", By: c.key.ID, Own: true,
	}
	if s.cfg.Processor != nil {
		face.Processor = s.cfg.Processor(in.Language)
	}
	if in.ShownAt != nil && in.ShownAt.After(c.now) {
		f.add("consent.shown_at", "out_of_range", "must not be in the future", "不能是将来的时间")
	} else if in.ShownAt != nil {
		face.ShownAt = in.ShownAt.UTC()
	}
	f.matches("consent.language", in.Language, languagePattern, "must be a language tag, as zh-CN", "应为语言标签，例如 zh-CN")
	s.checkText(&f, "consent", face)
	f.atMost("consent.address", in.Address, 64)
	f.atMost("consent.user_agent", in.UserAgent, 512)
	given := []consent.Given{face}
	if provide != nil {
		also := face
		also.Kind, also.Version, also.SHA256 = lifecycle.ConsentProvide, provide.TextVersion, provide.TextSHA256
		s.checkText(&f, "provide", also)
		given = append(given, also)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if provide != nil && !provide.Agreed {
		return nil, problem(CodeConsentRequired)
	}
	if err := s.openAccount(ctx, c); err != nil {
		return nil, err
	}
	ref, err := s.origin(ctx, c, in)
	if err != nil {
		return nil, err
	}
	taken := make([]contract.Consent, len(given))
	for i, g := range given {
		g.Evidence = ref
		if taken[i], err = s.texts.Take(g); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// checkText names what is wrong with a text that was agreed to.
func (s *Server) checkText(f *faults, field string, g consent.Given) {
	f.matches(field+".text_version", g.Version, versionPattern, versionFmt, versionZh)
	if g.SHA256 != "" {
		f.matches(field+".text_sha256", g.SHA256, digestPattern, "must be a SHA-256 in hex", "应为十六进制的 SHA-256")
	}
	_, err := s.texts.Check(g)
	switch {
	case errors.Is(err, consent.ErrVersion):
		want := consent.Current(g.Kind)
		f.add(field+".text_version", "not_in_force", "must be "+want+", the text in force; GET /v1/consent-texts shows it", "应为现行文本 "+want+"，可通过 GET /v1/consent-texts 查看")
		if g.Language != "zh-CN" && g.Language != "en" {
			f.add("consent.language", "not_allowed", "must be zh-CN or en", "应为 zh-CN 或 en")
		}
	case errors.Is(err, consent.ErrLanguage):
		f.add("consent.language", "not_allowed", "must be zh-CN or en", "应为 zh-CN 或 en")
	case errors.Is(err, consent.ErrDigest):
		f.add(field+".text_sha256", "differs", "must be the digest of that version and language", "应为该版本和语言的文本摘要")
	}
}

// origin seals where a consent came from.
func (s *Server) origin(ctx context.Context, c *call, in consentIn) (ref string, err error) {
	origin := consent.Origin{Address: in.Address, UserAgent: in.UserAgent}
	if origin.Address == "" {
		origin.Address = s.cfg.ClientIP(c.r)
	}
	if origin.UserAgent == "" {
		origin.UserAgent = cut(c.r.UserAgent(), 512)
	}
	text, err := origin.Text()
	if err != nil {
		return "", err
	}
	return s.cfg.Vault.PutText(ctx, c.account, vault.KindConsent, text)
}

// consentTextView is one text as it is shown.
type consentTextView struct {
	Version  string            `json:"version"`
	Language string            `json:"language"`
	Kinds    []string          `json:"kinds" nullable:"false" doc:"What agreeing to it is: face-separate, provide-to-third-party, sensitive-id, id-pictures."`
	InForce  bool              `json:"in_force" doc:"It can be agreed to now."`
	SHA256   string            `json:"sha256" doc:"Digest of the text, in hex, which records of consent name. The name and contact of the processor are filled in when it is shown."`
	Title    string            `json:"title"`
	Sections []consentTextPart `json:"sections" nullable:"false"`
	Tick     string            `json:"tick" doc:"Stands beside the box, which is never ticked beforehand."`
	Facts    consent.Facts     `json:"facts" doc:"The same in a few words."`
}

type consentTextPart struct {
	Heading string `json:"heading"`
	Text    string `json:"text"`
}

type consentTextsView struct {
	Texts []consentTextView `json:"texts" nullable:"false" doc:"By version and language."`
}

func (s *Server) consentRoutes() {
	scopes := []Scope{VerificationsRead, VerificationsWrite, AuditRead}
	handle(s, operation{
		id: "list-consent-texts", method: http.MethodGet, path: "/v1/consent-texts", tag: tagVerification, summary: "List what is agreed to",
		words: "Every text, also those no longer in force, so that it can be shown what somebody agreed to.", scopes: scopes, reach: ReachNone,
	}, func(_ context.Context, _ *call, _ none) (int, consentTextsView, error) {
		return http.StatusOK, s.viewTexts(s.texts.All()), nil
	})
	handle(s, operation{
		id: "show-consent-text", method: http.MethodGet, path: "/v1/consent-texts/{version}", tag: tagVerification, summary: "Show a text",
		words: "One version in all its languages.", scopes: scopes, reach: ReachNone, codes: []Code{CodeConsentTextNotFound},
	}, func(_ context.Context, c *call, _ none) (int, consentTextsView, error) {
		found := s.texts.Version(c.r.PathValue("version"))
		if len(found) == 0 {
			return 0, consentTextsView{}, problem(CodeConsentTextNotFound)
		}
		return http.StatusOK, s.viewTexts(found), nil
	})
}

func (s *Server) viewTexts(texts []consent.Text) consentTextsView {
	view := consentTextsView{Texts: []consentTextView{}}
	for _, t := range texts {
		if s.cfg.Processor != nil {
			t = t.For(s.cfg.Processor(t.Language))
		}
		v := consentTextView{Version: t.Version, Language: t.Language, SHA256: t.SHA256, Title: t.Title, Tick: t.Tick, Facts: t.Facts}
		for _, kind := range t.Kinds {
			v.Kinds = append(v.Kinds, string(kind))
			v.InForce = v.InForce || consent.Current(kind) == t.Version
		}
		for _, part := range t.Sections {
			v.Sections = append(v.Sections, consentTextPart(part))
		}
		view.Texts = append(view.Texts, v)
	}
	return view
}
