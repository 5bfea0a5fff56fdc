package main

import (
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
	key, _ := w.env("VERIGATE_API_KEY")
	key = or(c.Key, key)
	if key == "" {
		return nil, usageError{errors.New("an API key is needed: VERIGATE_API_KEY or --key")}
	}
	req, err := http.NewRequestWithContext(w.ctx, method, c.base(w)+path, body)
	if err != nil {
		return nil, usageError{errors.New("--url must be an http or https URL")}
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", contentType)
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

func problemOf(res *http.Response) error {
	p := apiProblem{Status: res.StatusCode}
	_ = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&p) // whatever it is, the status is known
	return p
}
