package bulk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is how the lines are written.
type Format string

const (
	NDJSON Format = "ndjson"
	CSV    Format = "csv" // the first line is the header
)

func (f Format) mediaType() string {
	if f == CSV {
		return "text/csv"
	}
	return "application/x-ndjson"
}

// Counts is what became of lines.
type Counts struct {
	Lines     int `json:"lines"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Errors    int `json:"errors"`
}

func (c *Counts) add(more Counts) {
	c.Lines += more.Lines
	c.Created += more.Created
	c.Updated += more.Updated
	c.Unchanged += more.Unchanged
	c.Errors += more.Errors
}

// Problem is why a line, or the rest of an import, was refused.
type Problem struct {
	Code   string  `json:"code"`
	Title  string  `json:"title"`
	Detail string  `json:"detail"`
	Errors []Fault `json:"errors"`
}

// Fault is one fault of a line.
type Fault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Refused is a line that was not taken.
type Refused struct {
	Line      int // of the file, from 1
	AccountID string
	Problem   Problem
	Text      string // as far as it is kept
}

// Place is how far an import came: everything before it is answered.
type Place struct {
	Offset int64 `json:"offset"` // in bytes
	Line   int   `json:"line"`   // of the file, the last one answered
}

// Import is one run. Send makes the request and returns the answer, Refused is told of each refused line, and Reached
// is told after each part how far the run came, with the counts of this part.
type Import struct {
	Format  Format
	Lines   int // of a part at most; default 10,000
	Send    func(mediaType string, body io.Reader) (io.ReadCloser, error)
	Refused func(Refused) error
	Reached func(Place, Counts) error
}

// EndedError is why an import ended before the end of its file.
type EndedError struct {
	Line int // the last one answered
	Err  error
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("the import ended after line %d: %v", e.Line, e.Err)
}

func (e *EndedError) Unwrap() error { return e.Err }

// Run sends what follows from in. A CSV's header is read from in; where from is beyond it, skip brings in there.
func (i Import) Run(in io.Reader, from Place, skip func(to int64) error) error {
	p := parts{in: bufio.NewReaderSize(in, readSize), most: i.Lines}
	if p.most <= 0 {
		p.most = partLines
	}
	var header []byte
	if i.Format == CSV {
		var err error
		if header, err = p.header(); err != nil {
			return err
		}
	}
	if from.Offset > p.at.Offset {
		if err := skip(from.Offset); err != nil {
			return err
		}
		p.in.Reset(in)
		p.at = from
	}
	for {
		part, err := p.next()
		if err != nil {
			return err
		}
		if len(part.lines) == 0 {
			return nil
		}
		counts, err := i.send(header, part)
		if err != nil {
			return &EndedError{Line: part.before.Line, Err: err}
		}
		if err := i.Reached(p.at, counts); err != nil {
			return err
		}
	}
}

// answer is one line of the API's answer.
type answer struct {
	Line      int      `json:"line"`
	AccountID string   `json:"account_id"`
	Problem   *Problem `json:"problem"`
	Summary   *struct {
		Counts
		Problem *Problem `json:"problem"`
	} `json:"summary"`
}

// send sends one part and reads its answers.
func (i Import) send(header []byte, p part) (Counts, error) {
	body := slices.Concat(append([][]byte{header}, p.lines...)...)
	res, err := i.Send(i.Format.mediaType(), bytes.NewReader(body))
	if err != nil {
		return Counts{}, err
	}
	defer func() { _ = res.Close() }()
	first := 1 // number of the part's first line in the request
	if header != nil {
		first = 2
	}
	for answers := json.NewDecoder(res); ; {
		var a answer
		err := answers.Decode(&a)
		switch {
		case errors.Is(err, io.EOF):
			return Counts{}, errors.New("the answer ended without a summary")
		case err != nil:
			return Counts{}, fmt.Errorf("the answer is not what an import answers: %w", err)
		case a.Summary != nil && a.Summary.Problem != nil:
			return Counts{}, fmt.Errorf("the API answers %s: %s", a.Summary.Problem.Code, a.Summary.Problem)
		case a.Summary != nil:
			return a.Summary.Counts, nil
		case a.Problem != nil:
			n := a.Line - first
			if n < 0 || n >= len(p.lines) {
				return Counts{}, fmt.Errorf("the answer is about line %d, which was not sent", a.Line)
			}
			err := i.Refused(Refused{Line: p.before.Line + 1 + n, AccountID: a.AccountID, Problem: *a.Problem, Text: excerpt(p.lines[n])})
			if err != nil {
				return Counts{}, err
			}
		}
	}
}

// String says what to do about it.
func (p Problem) String() string {
	if len(p.Errors) == 0 {
		for _, text := range []string{p.Detail, p.Title} {
			if text != "" {
				return text
			}
		}
		return p.Code
	}
	var b strings.Builder
	for n, e := range p.Errors {
		if n > 0 {
			b.WriteString("; ")
		}
		b.WriteString(e.Field + " " + e.Message)
	}
	return b.String()
}
