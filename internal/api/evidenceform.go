package api

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/verigate/verigate/internal/evidence"
)

const (
	mediaForm  = "multipart/form-data"
	mediaPlain = "text/plain"
)

func pictureMedia() []string { return []string{"image/jpeg", "image/png", "image/webp"} }

// givenEvidence is a piece as it was sent.
type givenEvidence struct {
	kind    string
	content []byte
	words   bool
	form    bool
}

// field names what a fault of the content is told of.
func (g givenEvidence) field() string {
	switch {
	case g.words:
		return "text"
	case g.form:
		return "file"
	default:
		return "body"
	}
}

// readEvidence reads a piece, in memory: nothing of what arrives is written to a disk.
func (s *Server) readEvidence(c *call) (givenEvidence, error) {
	kind, err := contentType(c.r, append(pictureMedia(), mediaPlain, mediaForm)...)
	if err != nil || c.r.Header.Get("Content-Type") == "" {
		return givenEvidence{}, problem(CodeUnsupportedMediaType).saying(
			"Send image/jpeg, image/png, image/webp, text/plain or multipart/form-data without content encoding.",
			"请使用 image/jpeg、image/png、image/webp、text/plain 或 multipart/form-data，且不使用内容编码。")
	}
	if kind != mediaForm {
		err := s.readText(c)
		return givenEvidence{kind: c.query("kind"), content: c.body, words: kind == mediaPlain}, err
	}
	if c.r.ContentLength > c.op.maxBody {
		return givenEvidence{}, evidenceTooLarge()
	}
	patience := s.patience(c.w)
	defer patience.Stop()
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return givenEvidence{}, problem(CodeUnsupportedMediaType)
	}
	return readEvidenceForm(multipart.NewReader(http.MaxBytesReader(c.w, c.r.Body, c.op.maxBody), params["boundary"]), c.query("kind"))
}

func readEvidenceForm(form *multipart.Reader, kind string) (givenEvidence, error) {
	given, seen := givenEvidence{kind: kind, form: true}, []string{}
	for {
		part, err := form.NextRawPart() // what is encoded once more is nothing that a browser or library sends
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return given, evidenceUnread(err)
		}
		name := part.FormName()
		if slices.Contains(seen, name) {
			return given, fieldProblem(name, "duplicate_field", "comes twice; send it once", "重复出现，请只发送一次")
		}
		seen = append(seen, name)
		value, err := io.ReadAll(part)
		if err != nil {
			return given, evidenceUnread(err)
		}
		switch name {
		case "kind":
			given.kind = strings.TrimSpace(string(value))
		case "file":
			given.content = value
		case "text":
			given.content, given.words = value, true
		default:
			return given, fieldProblem(name, "unknown_field", "is not a field of this request; remove it", "不是该请求的字段，请删除")
		}
	}
	if slices.Contains(seen, "file") == slices.Contains(seen, "text") {
		return given, fieldProblem("file", "required", "or text must be sent, one of the two", "与 text 须且仅须提供其一")
	}
	return given, nil
}

func evidenceUnread(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return evidenceTooLarge()
	}
	return notArrived(err)
}

func evidenceTooLarge() error {
	f := evidence.Fault{Code: evidence.TooLarge, Bound: evidence.MaxBytes >> 20}
	words := evidenceWords(&f)
	return problem(CodeTooLarge).saying("The file "+words.en+".", "文件"+words.zh+"。")
}
