package portal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client speaks to Verigate. It is safe for concurrent use.
type Client struct {
	BaseURL string // of the API, without a slash at the end
	Key     string // API key with accounts:write, decisions:read, verifications:write and verifications:read
	// HTTP sends the requests. Give it a timeout: a merchant waits meanwhile.
	HTTP *http.Client
}

// Message is a sentence that can be shown to the merchant, in each language.
type Message struct {
	En   string `json:"en"`
	ZhCN string `json:"zh-CN"`
}

// Decision is what the gate says of one action of one account at one instant.
type Decision struct {
	Action       string     `json:"action"`
	Effect       string     `json:"effect"` // "allow", "prompt" (allowed, but show the prompt) or "block"
	Reason       string     `json:"reason"`
	At           time.Time  `json:"at"`
	Deadline     *time.Time `json:"deadline"`
	RequiredStep *string    `json:"required_step"` // what the merchant has to do: "submit", "start_face", "scan", "wait"
	Message      Message    `json:"message"`
	Receipt      *string    `json:"receipt"` // proof of the answer, for support
}

// Prompt is what to show after a login. It is handed to the prompt script as it came, so that a portal need not
// know what a later version adds to it.
type Prompt struct {
	Show     bool
	Level    string // "notice", "warning", "final", "enforced"; empty without a prompt
	Deadline *time.Time
	Message  Message
	JSON     json.RawMessage
}

// UnmarshalJSON keeps the text beside the fields.
func (p *Prompt) UnmarshalJSON(text []byte) error {
	var known struct {
		Show     bool       `json:"show"`
		Level    string     `json:"level"`
		Deadline *time.Time `json:"deadline"`
		Message  *Message   `json:"message"`
	}
	if err := json.Unmarshal(text, &known); err != nil {
		return err
	}
	*p = Prompt{Show: known.Show, Level: known.Level, Deadline: known.Deadline, JSON: bytes.Clone(text)}
	if known.Message != nil {
		p.Message = *known.Message
	}
	return nil
}

// Login is the answer to a reported login.
type Login struct {
	Decision Decision `json:"decision"`
	Prompt   Prompt   `json:"prompt"`
}

// Account is what the service knows of an account.
type Account struct {
	AccountID    string `json:"account_id"`
	Verification struct {
		State string `json:"state"`
		Turn  string `json:"turn"`
	} `json:"verification"`
}

// Link opens the hosted pages once.
type Link struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Problem is a refusal of the service (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"` // stable: switch on this
	Title  string `json:"title"`
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("verigate: %d %s", p.Status, p.Code) }

// Unavailable reports that the service did not answer: it could not be reached, took too long, or said so itself.
// What to do then is the portal's own decision.
func Unavailable(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status >= 500 || p.Status == http.StatusTooManyRequests
	}
	return err != nil
}

// HasCode reports that the service refused with the code.
func HasCode(err error, code string) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == code
}

// Account returns an account; a *Problem with code "account_not_found" if there is none.
func (c *Client) Account(ctx context.Context, id string) (a Account, err error) {
	return a, c.call(ctx, http.MethodGet, accountPath(id, ""), nil, &a)
}

// Login reports a login and returns the prompt to show. The same loginID is counted once.
func (c *Client) Login(ctx context.Context, id, loginID string) (l Login, err error) {
	return l, c.call(ctx, http.MethodPost, accountPath(id, "/logins"), map[string]string{"login_id": loginID}, &l)
}

// ReportPrompt says what the merchant did with a prompt: "shown", "dismissed" or "acted". The first of each is kept.
func (c *Client) ReportPrompt(ctx context.Context, id string, number int, event string) error {
	path := accountPath(id, "/prompts/"+strconv.Itoa(number))
	return c.call(ctx, http.MethodPost, path, map[string]string{"event": event}, &struct{}{})
}

// Decide asks whether the account may do something now. The answer is recorded and has a receipt.
func (c *Client) Decide(ctx context.Context, id, action string) (d Decision, err error) {
	return d, c.call(ctx, http.MethodPost, accountPath(id, "/decisions"), map[string]string{"action": action}, &d)
}

// DecideAt asks what the answer would be at an instant. Nothing is recorded.
func (c *Client) DecideAt(ctx context.Context, id, action string, at time.Time) (d Decision, err error) {
	in := map[string]string{"action": action, "at": at.Format(time.RFC3339Nano)}
	return d, c.call(ctx, http.MethodPost, accountPath(id, "/decisions"), in, &d)
}

// Link makes a one-time link to the hosted pages. The merchant comes back to returnURL.
func (c *Client) Link(ctx context.Context, id, returnURL string) (l Link, err error) {
	in := map[string]string{"purpose": "verify", "return_url": returnURL}
	return l, c.call(ctx, http.MethodPost, accountPath(id, "/links"), in, &l)
}

func accountPath(id, rest string) string { return "/v1/accounts/" + url.PathEscape(id) + rest }

// tries is how often a request is sent that gets no answer. The second is safe: a GET changes nothing, and a POST
// carries its Idempotency-Key, under which the service does the work once.
const tries = 2

// call sends in as JSON and reads the answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	key := rand.Text()
	var err error
	for range tries {
		if err = c.send(ctx, method, path, key, body, out); !lost(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// lost reports that there was no answer at all.
func lost(err error) bool {
	var e *url.Error
	return errors.As(err, &e)
}

// maxAnswer bounds an answer in bytes.
const maxAnswer = 1 << 20

func (c *Client) send(ctx context.Context, method, path, key string, body []byte, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.BaseURL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.Key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		p := &Problem{}
		if strings.HasPrefix(answer.Header.Get("Content-Type"), "application/problem+json") {
			_ = json.Unmarshal(text, p) // the status says enough without it
		}
		p.Status, p.Code = answer.StatusCode, cmp.Or(p.Code, "unknown")
		return p
	}
	return json.Unmarshal(text, out)
}
