package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// connection are the flags of every command that talks to a running API.
type connection struct {
	URL string `name:"url" placeholder:"URL" help:"Base URL of the API (default: VERIGATE_URL, then http://127.0.0.1:8080)."`
	Key string `placeholder:"KEY" help:"API key (default: VERIGATE_API_KEY, which other users of this machine cannot see)."`
}

// base is the API's address without a slash at its end.
func (c connection) base(w *world) string {
	base, _ := w.env("VERIGATE_URL")
	return strings.TrimRight(or(c.URL, or(base, "http://127.0.0.1:8080")), "/")
}

// do sends a request with the key. The caller closes the body of an answer; an answer that is a problem is an error.
func (c connection) do(w *world, method, path, contentType string, body io.Reader) (*http.Response, error) {
	return c.doWith(w, method, path, http.Header{"Content-Type": {contentType}}, body)
}

// doWith is do with headers of the caller's.
func (c connection) doWith(w *world, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	key, _ := w.env("VERIGATE_API_KEY")
	key = or(c.Key, key)
	if key == "" {
		return nil, usageError{errors.New("an API key is needed: VERIGATE_API_KEY or --key")}
	}
	req, err := http.NewRequestWithContext(w.ctx, method, c.base(w)+path, body)
	if err != nil {
		return nil, usageError{errors.New("--url must be an http or https URL")}
	}
	req.Header = header
	req.Header.Set("Authorization", "Bearer "+key)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("the API cannot be reached: %w", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		defer func() { _ = res.Body.Close() }()
		return nil, problemOf(res)
	}
	return res, nil
}

// maxAnswer bounds an answer of the API that is read at once.
const maxAnswer = 64 << 20

// ask sends a request in JSON, no body for nil, reads its answer into out and returns it as it came, for --json.
func (c connection) ask(w *world, method, path string, in, out any) (text []byte, err error) {
	var body io.Reader
	if in != nil {
		sent, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(sent)
	}
	res, err := c.do(w, method, path, "application/json", body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if text, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, out); err != nil {
		return nil, fmt.Errorf("the answer is not what was asked for: %w", err)
	}
	return bytes.TrimSpace(text), nil
}

// ask is connection.ask for an answer that is declared by what it is assigned to.
func ask[Out any](c connection, w *world, method, path string, in any) (out Out, text []byte, err error) {
	text, err = c.ask(w, method, path, in, &out)
	return out, text, err
}

// present asks, and prints the answer: as it came, or what say makes of it for a person.
func present[Out any](c connection, w *world, asJSON bool, method, path string, in any, say func(Out)) error {
	out, text, err := ask[Out](c, w, method, path, in)
	switch {
	case err != nil:
		return err
	case asJSON:
		w.say("%s\n", text)
	default:
		say(out)
	}
	return nil
}

// apiProblem is an answer of the API that says why not.
type apiProblem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"errors"`
}

func (p apiProblem) Error() string {
	text := fmt.Sprintf("the API answers %d %s", p.Status, p.Code)
	if detail := or(p.Detail, p.Title); detail != "" {
		text += ": " + detail
	}
	for _, e := range p.Errors {
		text += "\n  " + e.Field + ": " + e.Message
	}
	return text
}

// describe says it in one line, for one of many.
func describe(p apiProblem) string {
	if len(p.Errors) == 0 {
		return or(p.Detail, or(p.Title, p.Code))
	}
	faults := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		faults[i] = e.Field + " " + e.Message
	}
	return strings.Join(faults, "; ")
}

func problemOf(res *http.Response) error {
	p := apiProblem{Status: res.StatusCode}
	_ = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&p) // whatever it is, the status is known
	return p
}
