package api_test

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/evidence/evidencetest"
)

const evidencePath = "/v1/accounts/a1/evidence"

// give sends a picture or words as the body.
func (f *fixture) give(kind, media string, content []byte, options ...option) answer {
	f.t.Helper()
	return f.post(evidencePath+"?kind="+kind, io.Reader(bytes.NewReader(content)), append([]option{header("Content-Type", media)}, options...)...)
}

// giveAll gives whatever a review cannot do without, and returns the ids.
func (f *fixture) giveAll() (ids []any) {
	f.t.Helper()
	card := evidencetest.JPEG(f.t, 480, 300)
	for _, got := range []answer{
		f.give("id_front", "image/jpeg", card), f.give("id_back", "image/jpeg", card), f.give("holding", "text/plain", []byte("The card is mine.")),
	} {
		ids = append(ids, got.is(http.StatusCreated)["id"])
	}
	return ids
}

// evidenceForm is a body of names and values; the file has a name that must not matter.
func evidenceForm(t *testing.T, pairs ...string) (body io.Reader, media string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "file" {
			part, err := w.CreateFormFile("file", "../../"+canaryName+".html")
			require.NoError(t, err)
			_, err = part.Write([]byte(pairs[i+1])) //nolint:gosec // pairs
			require.NoError(t, err)
			continue
		}
		require.NoError(t, w.WriteField(pairs[i], pairs[i+1])) //nolint:gosec // pairs
	}
	require.NoError(t, w.Close())
	return &b, w.FormDataContentType()
}

func TestEvidenceByAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.manual("a1")
	f.manual("a2")
	card := evidencetest.WithEXIF(evidencetest.JPEG(t, 480, 300), evidencetest.EXIF(6, binary.BigEndian))
	front := f.give("id_front", "image/jpeg", card).is(http.StatusCreated)
	require.Equal(t, "id_front", front["kind"])
	require.Equal(t, []any{300.0, 480.0}, []any{front["width"], front["height"]}, "turned upright")
	require.Equal(t, true, front["current"])
	require.Equal(t, "2020-12-05T10:00:00+08:00", front["uploaded_at"])
	require.Nil(t, front["delete_after"])
	body, media := evidenceForm(t, "kind", "id_back", "file", string(evidencetest.WebP(t)))
	f.post(evidencePath, body, header("Content-Type", media)).is(http.StatusCreated)
	list := f.get(evidencePath).is(http.StatusOK)
	require.Equal(t, []any{"holding"}, list["missing"])
	require.Equal(t, false, list["complete"])
	body, media = evidenceForm(t, "text", "我是店主本人", "kind", "holding")
	words := f.post(evidencePath, body, header("Content-Type", media)).is(http.StatusCreated)
	require.Nil(t, words["width"])
	list = f.get(evidencePath).is(http.StatusOK)
	require.Equal(t, true, list["complete"])
	require.Len(t, list["evidence"], 3)

	got := f.get(evidencePath + "/" + front["id"].(string))
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "image/jpeg", got.header.Get("Content-Type"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "sandbox")
	require.Equal(t, "inline", got.header.Get("Content-Disposition"))
	require.NotContains(t, string(got.body), evidencetest.Place)
	picture, err := jpeg.Decode(bytes.NewReader(got.body))
	require.NoError(t, err)
	require.Equal(t, "blue", evidencetest.Corner(picture, true, true))
	got = f.get(evidencePath + "/" + front["id"].(string) + "?size=small&turn=270")
	picture, err = jpeg.Decode(bytes.NewReader(got.body))
	require.NoError(t, err)
	require.Equal(t, 320, picture.Bounds().Dx())
	require.Equal(t, "red", evidencetest.Corner(picture, true, true))
	f.get(evidencePath+"/"+front["id"].(string)+"?turn=45").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	got = f.get(evidencePath + "/" + words["id"].(string))
	require.Equal(t, "我是店主本人", string(got.body))
	require.Equal(t, "text/plain; charset=utf-8", got.header.Get("Content-Type"))

	for _, path := range []string{"/v1/accounts/a2/evidence/" + front["id"].(string), evidencePath + "/nothing", "/v1/accounts/a2/evidence/%2e%2e"} {
		require.Equal(t, http.StatusNotFound, f.get(path).status, path)
		require.Equal(t, http.StatusNotFound, f.do(http.MethodDelete, path, nil).status, path)
	}
	f.get("/v1/accounts/nobody/evidence").problem(http.StatusNotFound, api.CodeAccountNotFound)
	list = f.do(http.MethodDelete, evidencePath+"/"+front["id"].(string), nil).is(http.StatusOK)
	require.Equal(t, []any{"id_front"}, list["missing"])
	f.get(evidencePath+"/"+front["id"].(string)).problem(http.StatusNotFound, api.CodeEvidenceNotFound)
	f.do(http.MethodPut, evidencePath, object{}).problem(http.StatusMethodNotAllowed, api.CodeMethodNotAllowed)
}

func TestEvidenceIsRefusedWithItsFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	card := evidencetest.JPEG(t, 480, 300)
	p := f.give("id_front", "image/jpeg", card).problem(http.StatusConflict, api.CodeStepNotAllowed)
	require.Contains(t, p["allowed"], "choose_manual")
	f.post("/v1/accounts/a1/verification/choose-manual", object{}).is(http.StatusOK)
	for name, tc := range map[string]struct {
		kind, media string
		content     []byte
		field, code string
	}{
		"no kind": {"", "image/jpeg", card, "kind", "required"}, "a number for words": {"holding", "image/jpeg", card, "kind", "medium"},
		"words for a picture": {"id_front", "text/plain", card, "kind", "medium"},
		"bomb":                {"id_front", "image/png", evidencetest.Bomb(60_000, 60_000, 8), "body", "too_many_pixels"},
		"svg":                 {"id_front", "image/png", []byte(`<svg onload="` + canaryName + `">`), "body", "not_a_picture"},
		"half":                {"id_front", "image/jpeg", card[:300], "body", "unreadable"},
		"11 MiB":              {"id_front", "image/jpeg", make([]byte, evidence.MaxBytes+1), "body", "file_too_large"},
		"nothing":             {"holding", "text/plain", nil, "text", "no_text"},
	} {
		p := f.give(tc.kind, tc.media, tc.content).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
		require.Equal(t, tc.code, field(t, p, tc.field)["code"], name)
		p = f.give(tc.kind, tc.media, tc.content, header("Accept-Language", "zh")).json()
		require.Regexp(t, `\p{Han}`, field(t, p, tc.field)["message"], name)
	}
	f.give("passport", "image/jpeg", card).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	f.give("id_front", "image/jpeg", make([]byte, evidence.MaxBytes+65<<10)).problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
	for _, media := range []string{"image/gif", "image/svg+xml", "application/json", "multipart/form-data", ""} {
		f.give("id_front", media, card).problem(http.StatusUnsupportedMediaType, api.CodeUnsupportedMediaType)
	}
	file := string(card)
	for _, pairs := range [][]string{
		{"kind", "id_front"}, {"kind", "id_front", "file", file, "file", file}, {"kind", "id_front", "file", file, "text", "x"}, {"kind", "id_front", "file", file, canaryName, "x"},
	} {
		body, media := evidenceForm(t, pairs...)
		got := f.post(evidencePath, body, header("Content-Type", media))
		got.problem(http.StatusBadRequest, api.CodeInvalidRequest)
		require.NotContains(t, string(got.body), canaryName)
	}
	body, media := evidenceForm(t, "kind", "id_front", "file", string(make([]byte, evidence.MaxBytes+65<<10)))
	f.post(evidencePath, io.MultiReader(body), header("Content-Type", media)).problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
	require.Empty(t, f.get(evidencePath).is(http.StatusOK)["evidence"])
	require.NotContains(t, f.logs.String(), canaryName)
	f.post("/v1/accounts/a1/close", object{"reason": "left"}).is(http.StatusOK)
	f.give("id_front", "image/jpeg", card).problem(http.StatusConflict, api.CodeAccountClosed)
}

func TestEvidenceIsIdempotent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.manual("a1")
	card := string(evidencetest.JPEG(t, 480, 300))
	send := func(content string) answer {
		body, media := evidenceForm(t, "kind", "other", "file", content) // each time with other borders
		return f.post(evidencePath, body, header("Content-Type", media), idempotent("k1"))
	}
	first := send(card).is(http.StatusCreated)
	again := send(card)
	require.Equal(t, first["id"], again.is(http.StatusCreated)["id"])
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	send(card+"x").problem(http.StatusConflict, api.CodeIdempotencyConflict)
	require.Len(t, f.get(evidencePath).is(http.StatusOK)["evidence"], 1)
}

// TestApprovalNeedsEvidence: what is missing is told, what the reviewer did not see is not approved, and the decision
// ends it all.
func TestApprovalNeedsEvidence(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.NeedEvidence, c.Evidence.Keep = true, 7*24*time.Hour })
	f.approved("a1")
	const decide = "/v1/reviews/a1/manual"
	f.post(decide, object{"decision": "approve"}).problem(http.StatusConflict, api.CodeStepNotAllowed)
	f.post("/v1/accounts/a1/verification/choose-manual", object{}).is(http.StatusOK)
	f.give("id_front", "image/jpeg", evidencetest.JPEG(t, 480, 300)).is(http.StatusCreated)
	p := f.post(decide, object{"decision": "approve"}, idempotent("k1")).problem(http.StatusConflict, api.CodeEvidenceMissing)
	require.Len(t, p["errors"], 2)
	require.Equal(t, "missing", field(t, p, "id_back")["code"])
	field(t, p, "holding")
	seen := f.giveAll()
	other := f.give("id_front", "image/jpeg", evidencetest.JPEG(t, 500, 300)).is(http.StatusCreated)["id"]
	f.post(decide, object{"decision": "approve", "evidence": seen}).problem(http.StatusConflict, api.CodeEvidenceChanged)
	seen[0] = other
	slices.Reverse(seen)
	require.Equal(t, "verified", f.post(decide, object{"decision": "approve", "evidence": seen}, idempotent("k2")).is(http.StatusOK)["state"])
	require.Equal(t, "verified", f.post(decide, object{"decision": "approve", "evidence": seen}, idempotent("k2")).is(http.StatusOK)["state"])
	list := f.get(evidencePath).is(http.StatusOK)
	for _, e := range list["evidence"].([]any) {
		piece := e.(object)
		require.Equal(t, false, piece["current"])
		require.Equal(t, "2020-12-12T10:00:00+08:00", piece["delete_after"])
		f.do(http.MethodDelete, evidencePath+"/"+piece["id"].(string), nil).problem(http.StatusNotFound, api.CodeEvidenceNotFound)
	}
	f.give("id_front", "image/jpeg", evidencetest.JPEG(t, 480, 300)).problem(http.StatusConflict, api.CodeStepNotAllowed)
	f.clock.advance(7 * 24 * time.Hour)
	f.get(evidencePath+"/"+other.(string)).problem(http.StatusNotFound, api.CodeEvidenceNotFound)
}

func TestRejectionNeedsNoEvidence(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.NeedEvidence = true })
	f.manual("a1")
	f.post("/v1/reviews/a1/manual", object{"decision": "reject", "reason_code": "evidence_missing"}).is(http.StatusOK)
}

// TestWhoseLook: a person looks at the evidence of a case that they hold; a program as long as nobody else holds it.
func TestWhoseLook(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.manual("a1")
	path := evidencePath + "/" + f.give("holding", "text/plain", []byte("mine")).is(http.StatusCreated)["id"].(string)
	anna, bert := api.Principal{ID: "anna", Role: api.RoleReviewer}, api.Principal{ID: "bert", Role: api.RoleReviewer}
	look := func(p api.Principal) int { return f.ask(p, http.MethodGet, path, "").Code }
	require.Equal(t, http.StatusOK, f.get(path).status)
	require.Equal(t, http.StatusConflict, look(anna), "nobody has taken the case")
	require.Equal(t, http.StatusOK, f.ask(anna, http.MethodPost, "/v1/reviews/a1/claim", "").Code)
	require.Equal(t, http.StatusOK, look(anna))
	require.Equal(t, http.StatusConflict, look(bert), "it is Anna's case")
	f.get(path).problem(http.StatusConflict, api.CodeCaseClaimed)
	require.Equal(t, http.StatusOK, look(api.Principal{ID: "root", Role: api.RoleAdmin}))
	require.Equal(t, http.StatusForbidden, look(api.Principal{ID: "viewer", Role: api.RoleViewer}))
}
