package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/store"
)

// purposeVerify opens the merchant's way from real-name information to verified.
const purposeVerify = "verify"

// maxReturnURL bounds a return address in bytes.
const maxReturnURL = 1024

type linkIn struct {
	Purpose   string `json:"purpose" enum:"verify" doc:"verify: everything from real-name information to the result."`
	Reason    string `json:"reason,omitempty" maxLength:"2000" doc:"A code, or free text: why support opens the pages for a merchant."`
	ReturnURL string `json:"return_url,omitempty" format:"uri" maxLength:"1024" doc:"Where the pages offer to go back to: an https address of the platform, or http on this machine."`
}

type linkView struct {
	URL       string    `json:"url" doc:"Send the merchant's browser here, at once. It opens one time, in one browser, and only after a press."`
	LinkID    string    `json:"link_id" doc:"Under which the merchant's acts in this session stand in the log, as link:<link_id>."`
	ExpiresAt time.Time `json:"expires_at" doc:"The instant from which the link no longer opens."`
}

// sealed leaves out the address, which is a secret.
func (v linkView) sealed() any {
	v.URL = ""
	return v
}

// unsealed derives it again.
func (v linkView) unsealed(t *Tokens) any {
	v.URL = t.LinkURL(v.LinkID)
	return v
}

// linkMade is what the audit log keeps of a link: not its address.
type linkMade struct {
	LinkID string `json:"link_id"`
}

func (s *Server) pageLinkRoutes() {
	handle(s, operation{
		id: "create-link", method: http.MethodPost, path: "/v1/accounts/{account_id}/links", tag: tagVerification,
		summary: "Open the merchant pages",
		words: "A one-time link to the hosted pages for this account. It is short-lived, is used up by the merchant's press on its first page (not by a link scanner), " +
			"and begins a session of that browser for this account only. A second device needs a link of its own. " +
			"For the platform with verifications:write, and for support with accounts:correct.",
		scopes: []Scope{VerificationsWrite, AccountsCorrect}, answers: map[int]string{http.StatusCreated: "The link."}, codes: []Code{CodeAccountClosed}, services: true, perAccount: true,
	}, s.createLink)
	handle(s, operation{
		id: "revoke-links", method: http.MethodPost, path: "/v1/accounts/{account_id}/links:revoke", tag: tagVerification,
		summary: "End the links and sessions of an account",
		words: "Links that were not opened open no more, and every browser that is on the merchant pages of this account is signed out, at once. " +
			"What the merchant did stays. For a link that went astray or a device that was lost.",
		scopes: []Scope{VerificationsWrite, AccountsCorrect}, answers: map[int]string{http.StatusOK: "How many ended."}, services: true, perAccount: true,
	}, s.revokeLinks)
}

func (s *Server) createLink(ctx context.Context, c *call, in linkIn) (int, linkView, error) {
	var f faults
	if in.Purpose != purposeVerify {
		f.add("purpose", "not_allowed", "must be verify", "应为 verify")
	}
	if in.ReturnURL != "" && !returnable(in.ReturnURL) {
		f.add("return_url", "form", "must be an absolute https address without user and fragment, at most 1024 bytes; http only on loopback",
			"应为不含用户信息和片段的 https 绝对地址，最多 1024 字节；仅本机回环地址可用 http")
	}
	f.freeText("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, linkView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, linkView{}, err
	}
	if err := s.openAccount(ctx, c); err != nil {
		return 0, linkView{}, err
	}
	said, err := s.explain(ctx, c.account, in.Reason, "")
	if err != nil {
		return 0, linkView{}, err
	}
	// The id comes from the change id, so a repeated request is answered with the same link and makes no second one.
	link, err := s.cfg.Store.PutLink(ctx, store.Link{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte("link/"+c.change)).String(), AccountID: c.account, Purpose: in.Purpose,
		ReturnURL: in.ReturnURL, CreatedBy: c.key.ID, CreatedAt: c.now, ExpiresAt: c.now.Add(s.cfg.LinkLife),
	})
	if err != nil {
		s.forget(ctx, c.account, said.ref)
		return 0, linkView{}, err
	}
	c.changed("account/"+c.account, said.stored(), nil, linkMade{link.ID})
	return http.StatusCreated, linkView{URL: s.cfg.Tokens.LinkURL(link.ID), LinkID: link.ID, ExpiresAt: link.ExpiresAt.In(zone)}, nil
}

type revokeLinksIn struct {
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"A code, or free text: why."`
}

type revokedView struct {
	Links    int `json:"links" doc:"Links that were not opened yet."`
	Sessions int `json:"sessions" doc:"Browsers that were signed in."`
}

func (s *Server) revokeLinks(ctx context.Context, c *call, in revokeLinksIn) (int, revokedView, error) {
	var f faults
	f.freeText("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, revokedView{}, err
	}
	said, err := s.explain(ctx, c.account, in.Reason, "")
	if err != nil {
		return 0, revokedView{}, err
	}
	links, sessions, err := s.cfg.Store.RevokeLinks(ctx, c.account, c.now)
	if err != nil {
		s.forget(ctx, c.account, said.ref)
		return 0, revokedView{}, err
	}
	view := revokedView{links, sessions}
	c.changed("account/"+c.account, said.stored(), nil, view)
	return http.StatusOK, view, nil
}

// returnable reports whether the pages may offer an address as the way back.
func returnable(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxReturnURL || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
