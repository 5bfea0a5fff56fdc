package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// evidenceView tells of a piece of evidence, and nothing of what it shows.
type evidenceView struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind" enum:"id_front,id_back,holding,other"`
	MediaType   string     `json:"media_type" example:"image/jpeg"`
	Bytes       int        `json:"bytes" doc:"Of what is kept."`
	Width       *int       `json:"width" doc:"Of a picture as it is kept, in pixels; null for words."`
	Height      *int       `json:"height"`
	SHA256      string     `json:"sha256" doc:"Digest of what is kept, in hex."`
	UploadedAt  time.Time  `json:"uploaded_at"`
	UploadedBy  string     `json:"uploaded_by" doc:"Id of the API key, or link: and that of the link."`
	Current     bool       `json:"current" doc:"Part of the review that goes on."`
	DecidedAt   *time.Time `json:"decided_at" doc:"When the review that it was given for ended."`
	DeleteAfter *time.Time `json:"delete_after" doc:"When it is deleted; null while the review goes on."`
}

type evidenceListView struct {
	Complete bool           `json:"complete" doc:"Everything is there that a review cannot do without."`
	Missing  []string       `json:"missing" nullable:"false" doc:"Kinds that are not there."`
	Evidence []evidenceView `json:"evidence" nullable:"false" doc:"Oldest first; what was deleted is not listed."`
}

const evidencePath = "/v1/accounts/{account_id}/evidence"

func (s *Server) evidenceRoutes() {
	kinds := parameter{name: "kind", words: "What it shows. In a form it may be a field instead.", values: kindNames()}
	add := operation{
		id: "add-evidence", method: http.MethodPost, path: evidencePath, tag: tagReviews,
		summary: "Give evidence for a verification without a face",
		words: "One piece at a time, while the state is manual_review: a picture (JPEG, PNG or WebP, at most " + strconv.Itoa(evidence.MaxBytes>>20) +
			" MiB) as the body or as the field file of a form, or for kind holding a few words on who holds the card, as text/plain or the field text. " +
			"Pictures are drawn anew, without metadata, and sealed; the file itself is not kept. " +
			"Another piece of id_front, id_back or holding takes the place of the one before; there may be three of other.",
		scopes: []Scope{VerificationsWrite}, query: []parameter{kinds}, maxBody: evidence.MaxBytes + maxCommand,
		answers: map[int]string{http.StatusCreated: "It is kept."}, codes: []Code{CodeStepNotAllowed, CodeAccountClosed},
	}
	s.document(add, true, media{kind: mediaForm, schema: formSchema()}, media{kind: mediaJSON, schema: schemaOf[evidenceView](s.openapi.Components.Schemas)})
	content := s.openapi.Paths[add.path].Post.RequestBody.Content
	for _, kind := range pictureMedia() {
		content[kind] = &huma.MediaType{Schema: binarySchema()}
	}
	content[mediaPlain] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}, Example: "The card is mine, and so is the shop."}
	s.serve(add, s.addEvidence)

	handle(s, operation{
		id: "list-evidence", method: http.MethodGet, path: evidencePath, tag: tagReviews,
		summary: "List evidence", words: "What is there, whether it is enough, and until when it is kept. Nothing of what it shows.",
		scopes: []Scope{VerificationsRead, VerificationsWrite, ReviewsWrite},
	}, s.listEvidence)
	handle(s, operation{
		id: "delete-evidence", method: http.MethodDelete, path: evidencePath + "/{evidence_id}", tag: tagReviews,
		summary: "Take evidence back", words: "Deletes a piece for good, while the review goes on.",
		scopes: []Scope{VerificationsWrite}, codes: []Code{CodeEvidenceNotFound},
	}, s.deleteEvidence)
	look := operation{
		id: "look-at-evidence", method: http.MethodGet, path: evidencePath + "/{evidence_id}", tag: tagReviews,
		summary: "Look at evidence", words: "A picture as image/jpeg, or words as text/plain. Every look is in the audit log.",
		scopes: []Scope{IdentitiesRead}, audited: true, codes: []Code{CodeEvidenceNotFound, CodeClaimNeeded, CodeCaseClaimed},
		query: []parameter{
			{name: "size", words: "small: at most 320 pixels a side.", values: []string{"small"}},
			{name: "turn", words: "Degrees clockwise.", values: []string{"0", "90", "180", "270"}},
		},
		answers: map[int]string{http.StatusOK: "What it shows."},
	}
	s.document(look, false, media{}, media{kind: "image/jpeg", schema: binarySchema()})
	s.serve(look, s.lookAtEvidence)
}

func kindNames() []string {
	var all []string
	for _, k := range evidence.Kinds() {
		all = append(all, k.Name)
	}
	return all
}

func formSchema() *huma.Schema {
	kinds := &huma.Schema{Type: huma.TypeString}
	for _, name := range kindNames() {
		kinds.Enum = append(kinds.Enum, name)
	}
	return &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
		"kind": kinds, "file": binarySchema(), "text": {Type: huma.TypeString},
	}}
}

func binarySchema() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "binary"} }

func (s *Server) addEvidence(c *call) error {
	given, err := s.readEvidence(c)
	if err != nil {
		return err
	}
	answer := func() (int, any, error) { return s.keepEvidence(c.r.Context(), c, given) }
	c.body = slices.Concat([]byte(given.kind+"\n"), given.content) // what makes a repeated request the same: not the borders of its form
	if c.r.Header.Get(idempotencyHeader) != "" {
		return s.once(c, answer, func(saved []byte) (any, error) { return restore[evidenceView](s, saved) })
	}
	status, out, err := answer()
	if err != nil {
		return err
	}
	return s.reply(c, status, out)
}

func (s *Server) keepEvidence(ctx context.Context, c *call, given givenEvidence) (int, any, error) {
	var f faults
	kind, known := evidence.KindOf(given.kind)
	switch {
	case given.kind == "":
		f.required("kind")
	case !known:
		f.add("kind", "not_allowed", "must be one of the kinds that are documented", "应为文档所列类型之一")
	case (kind.Medium == evidence.Words) != given.words:
		f.add("kind", "medium", "holding is told in words, everything else by a picture", "holding 为文字说明，其余为图片")
	}
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	if err := s.openAccount(ctx, c); err != nil {
		return 0, nil, err
	}
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, nil, err
	}
	if head.State != lifecycle.ManualReview { // before anything is decoded; the store judges again
		return 0, nil, &lifecycle.Refusal{Code: lifecycle.CodeStepNotAllowed, State: head.State, Allowed: head.Steps()}
	}
	kept, err := s.evidence.Add(ctx, evidence.Piece{AccountID: c.account, Kind: given.kind, Content: given.content, By: c.key.ID})
	if err != nil {
		return 0, nil, evidenceProblem(err, given.field())
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		zone = time.UTC // it is kept; the answer must not fail for a matter of form
	}
	return http.StatusCreated, viewEvidence(kept, zone), nil
}

// evidenceProblem says at a field what is wrong with what was given.
func evidenceProblem(err error, field string) error {
	var fault *evidence.Fault
	if !errors.As(err, &fault) {
		return err
	}
	words := evidenceWords(fault)
	var f faults
	f.add(field, string(fault.Code), words.en, words.zh)
	return f.err()
}

func evidenceWords(f *evidence.Fault) text {
	bound := strconv.Itoa(f.Bound)
	switch f.Code {
	case evidence.Empty, evidence.NoText:
		return text{"is empty", "内容为空"}
	case evidence.TooLarge:
		return text{"must have at most " + bound + " MiB", "最大为 " + bound + " MiB"}
	case evidence.NotPicture:
		return text{"must be a JPEG, PNG or WebP picture", "应为 JPEG、PNG 或 WebP 图片"}
	case evidence.TooManyDots:
		return text{"must have at most " + bound + " million pixels", "最多为 " + bound + " 百万像素"}
	case evidence.TooSmall:
		return text{"must have at least " + bound + " pixels on each side", "每边至少为 " + bound + " 像素"}
	case evidence.TooLong:
		return text{"must have at most " + bound + " characters", "最多 " + bound + " 个字符"}
	case evidence.TooMany:
		return text{"there are " + bound + " of this kind; delete one first", "该类型已有 " + bound + " 份，请先删除一份"}
	case evidence.Unreadable, evidence.UnknownKind:
		return text{"is damaged or incomplete", "文件已损坏或不完整"}
	default:
		return text{"cannot be taken", "无法接受"}
	}
}

func (s *Server) listEvidence(ctx context.Context, c *call, _ none) (int, evidenceListView, error) {
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, evidenceListView{}, err
	}
	return s.evidenceOf(ctx, c.account)
}

func (s *Server) evidenceOf(ctx context.Context, account string) (int, evidenceListView, error) {
	all, err := s.evidence.List(ctx, account)
	if err != nil {
		return 0, evidenceListView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, evidenceListView{}, err
	}
	view := evidenceListView{Missing: s.evidence.Missing(all), Evidence: []evidenceView{}}
	view.Complete = len(view.Missing) == 0
	for _, e := range all {
		view.Evidence = append(view.Evidence, viewEvidence(e, zone))
	}
	return http.StatusOK, view, nil
}

func viewEvidence(e store.Evidence, zone *time.Location) evidenceView {
	view := evidenceView{
		ID: e.ID, Kind: e.Kind, MediaType: e.MediaType, Bytes: e.Bytes, Width: orNil(e.Width), Height: orNil(e.Height), SHA256: e.Digest,
		UploadedAt: e.UploadedAt.In(zone), UploadedBy: e.UploadedBy, Current: e.Current(),
	}
	if !e.DecidedAt.IsZero() {
		view.DecidedAt = orNil(e.DecidedAt.In(zone))
	}
	if !e.DeleteAfter.IsZero() {
		view.DeleteAfter = orNil(e.DeleteAfter.In(zone))
	}
	return view
}

func (s *Server) deleteEvidence(ctx context.Context, c *call, _ none) (int, evidenceListView, error) {
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, evidenceListView{}, err
	}
	gone, err := s.evidence.Remove(ctx, c.account, c.r.PathValue("evidence_id"))
	if errors.Is(err, evidence.ErrNotFound) {
		return 0, evidenceListView{}, problem(CodeEvidenceNotFound)
	}
	if err != nil {
		return 0, evidenceListView{}, err
	}
	c.changed("account/"+c.account, "", map[string]string{"evidence": gone.ID, "kind": gone.Kind}, nil)
	return s.evidenceOf(ctx, c.account)
}

// smallSide is the longer side of a small picture, in pixels.
const smallSide = 320

func (s *Server) lookAtEvidence(c *call) error {
	ctx := c.r.Context()
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return err
	}
	if err := s.mayLook(ctx, c); err != nil {
		return err
	}
	view := evidence.View{}
	if c.query("size") == "small" {
		view.Side = smallSide
	}
	view.Turn, _ = strconv.Atoi(c.query("turn")) // one of its values, or nothing
	e, content, err := s.evidence.Look(ctx, c.account, c.r.PathValue("evidence_id"), view)
	if errors.Is(err, evidence.ErrNotFound) {
		return problem(CodeEvidenceNotFound)
	}
	if err != nil {
		return err
	}
	c.changed("account/"+c.account, "", nil, map[string]string{"evidence": e.ID, "kind": e.Kind, "size": c.query("size")})
	if err := s.told(c, nil); err != nil { // before anything is shown
		return err
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; object-src 'none'; base-uri 'none'; sandbox; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Disposition", "inline")
	s.write(c.w, http.StatusOK, e.MediaType, content)
	return nil
}

// seenEvidence is what an approval without a face is of: all that is there. It refuses to approve while something is
// missing, or if the reviewer looked at other evidence. What is exchanged from now on until the approval is written, the
// store sees.
func (s *Server) seenEvidence(ctx context.Context, c *call, in manualReviewIn) (*lifecycle.Seen, error) {
	all, err := s.evidence.List(ctx, c.account)
	if err != nil {
		return nil, err
	}
	seen := &lifecycle.Seen{Evidence: []string{}}
	for _, e := range evidence.Current(all) {
		seen.Evidence = append(seen.Evidence, e.ID)
	}
	if in.Evidence != nil && !sameIDs(in.Evidence, seen.Evidence) {
		return nil, problem(CodeEvidenceChanged)
	}
	missing := s.evidence.Missing(all)
	if !s.cfg.NeedEvidence || len(missing) == 0 {
		return seen, nil
	}
	p := problem(CodeEvidenceMissing)
	for _, kind := range missing {
		p.Errors = append(p.Errors, FieldError{Field: kind, Code: "missing", said: text{"is missing", "缺少此项材料"}})
	}
	return nil, p
}

// evidenceRefused says which kinds are missing where an approval was refused because something was taken back.
func (s *Server) evidenceRefused(ctx context.Context, c *call, refused error) error {
	var refusal *lifecycle.Refusal
	if !errors.As(refused, &refusal) || refusal.Code != lifecycle.CodeEvidenceChanged {
		return refused
	}
	var p *Problem
	if _, err := s.seenEvidence(ctx, c, manualReviewIn{}); errors.As(err, &p) {
		return p
	}
	return problem(CodeEvidenceChanged)
}

// sameIDs reports whether a list names exactly these, in any order.
func sameIDs(given, there []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(given))), slices.Sorted(slices.Values(there)))
}
