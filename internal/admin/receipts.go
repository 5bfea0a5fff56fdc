package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
)

const receiptsPath = "/admin/receipts"

func (s *Server) receiptRoutes() {
	s.page("GET "+receiptsPath, func(v *visit) error { return v.receiptsPage(http.StatusOK, &receiptsPage{}) }, api.DecisionsRead)
	s.page("POST "+receiptsPath, s.checkReceipt, api.DecisionsRead)
}

// message is a sentence in both languages.
type message struct {
	En string `json:"en"`
	Zh string `json:"zh-CN"`
}

// ruling is a decision as a receipt says it, and as the records tell it.
type ruling struct {
	AccountID     string    `json:"account_id"`
	Action        string    `json:"action"`
	Effect        string    `json:"effect"`
	Reason        string    `json:"reason"`
	Rule          string    `json:"rule"`
	Policy        string    `json:"policy"`
	PolicyVersion int       `json:"policy_version"`
	Since         time.Time `json:"since"`
	At            time.Time `json:"at"`
	NextChangeAt  time.Time `json:"next_change_at"`
	WouldBe       string    `json:"would_be"`
	Message       message   `json:"message"`
}

// receiptCheck is what the API says of a receipt.
type receiptCheck struct {
	Genuine     bool    `json:"genuine"`
	KeyID       string  `json:"key_id"`
	Decision    *ruling `json:"decision"`
	Found       *ruling `json:"found"`
	Missing     string  `json:"missing"`
	Agrees      bool    `json:"agrees"`
	Kept        bool    `json:"kept"`
	Differences []struct {
		Path string `json:"path"`
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"differences"`
}

type receiptsPage struct {
	*frame
	Receipt string
	Check   *receiptCheck
	Problem *problem
}

// Said is what the receipt says, in the reader's language.
func (p *receiptsPage) Said() string {
	if strings.HasPrefix(p.Lang(), "zh") {
		return p.Check.Decision.Message.Zh
	}
	return p.Check.Decision.Message.En
}

func (v *visit) receiptsPage(status int, p *receiptsPage) error {
	p.frame = v.frame("receipts")
	p.Faulty = p.Problem != nil
	return v.renderAs(status, "receipts", p)
}

// checkReceipt shows the result in its answer: an address with a receipt would tell whom it is about.
func (s *Server) checkReceipt(v *visit) error {
	p := &receiptsPage{Receipt: strings.Join(strings.Fields(v.form("receipt")), "")} // as mail programs break it
	got, err := tell[receiptCheck](v, "/v1/receipts:check", map[string]any{"receipt": p.Receipt})
	if p.Problem = faultsIn(err); p.Problem != nil {
		return v.receiptsPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	p.Check = &got
	return v.receiptsPage(http.StatusOK, p)
}
