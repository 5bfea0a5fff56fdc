package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
)

// extensionImport is what became of a file of extensions.
type extensionImport struct {
	BatchID   string `json:"batch_id"`
	Lines     int64  `json:"lines"`
	Created   int64  `json:"created"`
	Unchanged int64  `json:"unchanged"`
	Errors    int64  `json:"errors"`

	Refused []refusedLine `json:"-"` // the first of them
}

type refusedLine struct {
	Line      int64    `json:"line"`
	AccountID string   `json:"account_id"`
	Problem   *problem `json:"problem"`
}

// importPath is where the form with a file of extensions is sent.
const importPath = "/admin/extensions/import"

// maxRefused bounds the refused lines that a page shows.
const maxRefused = 50

// importExtensions sends a file on. It is read whole: the API bounds it as it does for programs.
func (s *Server) importExtensions(v *visit) error {
	file, header, err := v.r.FormFile("file")
	if err != nil {
		return v.extensionFault("extensions.no_file")
	}
	defer file.Close() //nolint:errcheck // read only
	content, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("admin: file of extensions: %w", err)
	}
	kind := "text/csv"
	if strings.EqualFold(path.Ext(header.Filename), ".ndjson") {
		kind = "application/x-ndjson"
	}
	r, err := v.request(http.MethodPost, address("/v1/extensions:import", []string{"batch_id", v.form("batch_id")}), bytes.NewReader(content))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	answer := v.s.answer(r)
	if answer.status != http.StatusOK {
		p := answer.problem()
		if p.Status == http.StatusUnprocessableEntity || p.Status == http.StatusBadRequest || p.Status == http.StatusRequestEntityTooLarge {
			return v.extensionsPage(p.Status, &extensionsPage{Problem: p})
		}
		return p
	}
	result, err := readExtensionImport(&answer.body)
	if err != nil {
		return err
	}
	return v.extensionsPage(http.StatusOK, &extensionsPage{Import: result})
}

func (v *visit) extensionFault(message string) error {
	text, err := v.lang.Text(message)
	if err != nil {
		return err
	}
	p := &problem{Status: http.StatusUnprocessableEntity, Errors: []fault{{Field: "file", Message: text}}}
	return v.extensionsPage(p.Status, &extensionsPage{Problem: p})
}

// readExtensionImport reads the answer's lines, the last of which is the summary.
func readExtensionImport(lines io.Reader) (*extensionImport, error) {
	var refused []refusedLine
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line struct {
			refusedLine
			Summary *extensionImport `json:"summary"`
		}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("admin: answer of an import: %w", err)
		}
		switch {
		case line.Summary != nil:
			line.Summary.Refused = refused
			return line.Summary, nil
		case line.Problem != nil && len(refused) < maxRefused:
			refused = append(refused, line.refusedLine)
		}
	}
	return nil, fmt.Errorf("admin: answer of an import ends without its summary: %w", scanner.Err())
}
