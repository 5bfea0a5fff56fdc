package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

type contactIn struct {
	Phone string `json:"phone" pattern:"^\\+861[3-9][0-9]{9}$" example:"+8613800000000" doc:"Mobile number of mainland China with its country code."`
}

type contactView struct {
	AccountID string  `json:"account_id"`
	Phone     *string `json:"phone" example:"+86138****0000" doc:"The number with its middle hidden; it is never shown in full. Null: none is known."`
}

type noticesView struct {
	Notices []noticeView `json:"notices" nullable:"false" doc:"Oldest first."`
}

type noticeView struct {
	ID          string     `json:"id"`
	Channel     string     `json:"channel" enum:"sms"`
	Policy      string     `json:"policy"`
	Rule        string     `json:"rule"`
	Milestone   string     `json:"milestone" example:"P3D" doc:"Which reminder: P3D is three days before the deadline, +P7D seven days after it."`
	Deadline    time.Time  `json:"deadline"`
	State       string     `json:"state" enum:"pending,sending,sent,delivered,failed,no_contact,outdated,off"`
	Code        *string    `json:"code" doc:"The provider's code of what went wrong, or of the delivery."`
	ProviderID  *string    `json:"provider_id" doc:"The provider's id of the message."`
	Attempts    int        `json:"attempts"`
	AttemptedAt *time.Time `json:"attempted_at" doc:"When the last attempt began."`
	NextAt      *time.Time `json:"next_at" doc:"When it is tried again, if it is."`
	At          time.Time  `json:"at" doc:"When the state was entered."`
}

func (s *Server) contactRoutes() {
	const path = "/v1/accounts/{account_id}/contact"
	handle(s, operation{
		id: "put-contact", method: http.MethodPut, path: path, tag: tagAccounts,
		summary: "Say where to remind a merchant",
		words:   "The number goes to the vault and to the message provider, and is never shown again. It replaces the one before, of which nothing is kept.",
		scopes:  []Scope{AccountsWrite}, codes: []Code{CodeAccountNotFound},
	}, s.putContact)
	handle(s, operation{
		id: "delete-contact", method: http.MethodDelete, path: path, tag: tagAccounts,
		summary: "Forget where to remind a merchant",
		words:   "Deletes the number for good. Reminders go on in the log and by webhook; messages end. No number is no error.",
		scopes:  []Scope{AccountsWrite},
	}, s.deleteContact)
	handle(s, operation{
		id: "list-notices", method: http.MethodGet, path: "/v1/accounts/{account_id}/notices", tag: tagAccounts,
		summary: "What became of an account's reminders", words: "One row for each reminder and channel.",
		scopes: []Scope{VerificationsRead, AuditRead},
	}, s.listNotices)
}

func (s *Server) putContact(ctx context.Context, c *call, in contactIn) (int, contactView, error) {
	phone, err := notify.ParsePhone(in.Phone)
	if err != nil {
		var f faults
		if in.Phone == "" {
			f.required("phone")
		} else {
			f.add("phone", "form", "must be +86 and a mobile number of 11 digits, such as +8613800000000", "应为 +86 加 11 位手机号码，例如 +8613800000000")
		}
		return 0, contactView{}, f.err()
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, contactView{}, err
	}
	ref, err := s.cfg.Vault.PutText(ctx, c.account, vault.KindContact, phone.Reveal())
	if err != nil {
		return 0, contactView{}, err
	}
	replaced, err := s.cfg.Store.PutContact(ctx, c.account, ref)
	if err != nil {
		s.forget(ctx, c.account, ref)
		return 0, contactView{}, err
	}
	s.forget(ctx, c.account, replaced)
	masked := phone.Masked()
	return http.StatusOK, contactView{c.account, &masked}, nil
}

// deleteContact deletes the number before the reference to it: if it fails between the two, the same request goes on.
func (s *Server) deleteContact(ctx context.Context, c *call, _ none) (int, contactView, error) {
	view := contactView{AccountID: c.account}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	ref, err := s.cfg.Store.Contact(ctx, c.account)
	if errors.Is(err, store.ErrNotFound) {
		return http.StatusOK, view, nil
	}
	if err != nil {
		return 0, view, err
	}
	if err := s.cfg.Vault.Delete(ctx, c.account, ref); err != nil {
		return 0, view, err
	}
	return http.StatusOK, view, s.cfg.Store.DeleteContact(ctx, c.account)
}

func (s *Server) listNotices(ctx context.Context, c *call, _ none) (int, noticesView, error) {
	view := noticesView{Notices: []noticeView{}}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.NoticesOf(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	for _, n := range all {
		view.Notices = append(view.Notices, noticeView{
			ID: n.ID, Channel: n.Channel, Policy: n.Policy, Rule: n.Rule, Milestone: n.Milestone, Deadline: n.Deadline.In(zone),
			State: string(n.State), Code: orNil(n.Code), ProviderID: orNil(n.ProviderID), Attempts: n.Attempts,
			AttemptedAt: instantIn(n.AttemptedAt, zone), NextAt: instantIn(n.NextAt, zone), At: n.ChangedAt.In(zone),
		})
	}
	return http.StatusOK, view, nil
}
