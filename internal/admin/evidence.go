package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/api"
)

func (s *Server) evidenceRoutes() {
	s.page("GET /admin/accounts/{account_id}/evidence/{evidence_id}", s.piece, api.IdentitiesRead)
	s.page("GET /admin/accounts/{account_id}/evidence/{evidence_id}/picture", s.picture, api.IdentitiesRead)
}

// Evidence is what an account gave for a verification without a face, as far as it can be told without a look at it.
// The part "evidence" draws it; "evidence_seen" puts the ids of what is current into the form that decides, so that
// nothing is approved that was exchanged meanwhile.
type Evidence struct {
	Complete bool     `json:"complete"`
	Missing  []string `json:"missing"` // kinds
	Pieces   []Piece  `json:"evidence"`
}

// Piece is one piece of evidence.
type Piece struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	MediaType   string    `json:"media_type"`
	Bytes       int64     `json:"bytes"`
	Width       int       `json:"width"`
	Height      int       `json:"height"`
	UploadedAt  time.Time `json:"uploaded_at"`
	Current     bool      `json:"current"`
	DeleteAfter time.Time `json:"delete_after"`
}

// Picture reports whether the piece is one; the others are words.
func (p Piece) Picture() bool { return p.Width > 0 }

// KiB is the size of what is kept.
func (p Piece) KiB() int64 { return (p.Bytes + 1023) >> 10 }

// evidence asks for what an account gave.
func (v *visit) evidence(account string) (Evidence, error) {
	return ask[Evidence](v, "/v1/accounts/"+segment(account)+"/evidence")
}

type piecePage struct {
	*frame
	Account          string
	Piece            Piece
	Words            string
	Turn             int // degrees clockwise
	Zoom             bool
	Self             string // address of this page without a query
	Before, After    string // ids of the pieces beside this one
	TurnLeft, TurnTo int    // what Turn becomes by either button
}

// piece shows one piece as large as the window, or as it is. The picture itself is asked for by the page it draws, and
// audited then; words are part of the page.
func (s *Server) piece(v *visit) error {
	account, id := v.r.PathValue("account_id"), v.r.PathValue("evidence_id")
	all, err := v.evidence(account)
	if err != nil {
		return err
	}
	p := &piecePage{frame: v.frame("piece"), Account: account, Turn: turn(v.query("turn")), Zoom: v.query("zoom") == "1", Self: v.r.URL.Path}
	p.Wide = true
	p.TurnLeft, p.TurnTo = (p.Turn+270)%360, (p.Turn+90)%360
	for i, piece := range all.Pieces {
		if piece.ID != id {
			continue
		}
		p.Piece = piece
		if i > 0 {
			p.Before = all.Pieces[i-1].ID
		}
		if i+1 < len(all.Pieces) {
			p.After = all.Pieces[i+1].ID
		}
	}
	if !p.Piece.Picture() { // also what is not there: the API says so
		content, err := v.content(account, id)
		if err != nil {
			return err
		}
		p.Words = content.body.String()
	}
	return v.render("piece", p)
}

// turn reads degrees clockwise, nothing for what is none of the four.
func turn(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n%90 != 0 || n < 0 || n >= 360 {
		return 0
	}
	return n
}

// picture answers the picture of a page of ours. It is answered to nobody who asks for it as a page or a download of
// its own.
func (s *Server) picture(v *visit) error {
	if wanted := v.r.Header.Get("Sec-Fetch-Dest"); wanted != "" && wanted != "image" {
		return &problem{Status: http.StatusForbidden, Code: "not_a_page"}
	}
	size := ""
	if v.query("size") == "small" {
		size = "small"
	}
	content, err := v.content(v.r.PathValue("account_id"), v.r.PathValue("evidence_id"), "size", size, "turn", strconv.Itoa(turn(v.query("turn"))))
	if err != nil {
		return err
	}
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Disposition", "Content-Security-Policy"} {
		v.w.Header().Set(name, content.header.Get(name))
	}
	_, _ = v.w.Write(content.body.Bytes()) // the reader is gone; there is nobody to tell
	return nil
}

// content looks at a piece, as the person who is signed in.
func (v *visit) content(account, id string, pairs ...string) (*recorder, error) {
	r, err := v.request(http.MethodGet, address("/v1/accounts/"+segment(account)+"/evidence/"+segment(id), pairs), http.NoBody)
	if err != nil {
		return nil, err
	}
	return v.answer(r)
}
