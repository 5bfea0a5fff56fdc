package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/store"
)

const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotent-Replayed"
)

var idempotencyPattern = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// changeID names the command of a request: always the same for an Idempotency-Key of this API key at this address,
// and without one a new name.
func changeID(c *call) (string, error) {
	given := c.r.Header.Get(idempotencyHeader)
	if given == "" {
		return uuid.NewString(), nil // not the request's id: a proxy may have chosen that, and may choose it twice
	}
	if !idempotencyPattern.MatchString(given) {
		var f faults
		f.add(idempotencyHeader, "form", "must be 1 to 255 printable ASCII characters without spaces", "应为 1 到 255 个可打印的 ASCII 字符，不含空格")
		return "", f.err()
	}
	subject := c.account + c.extension
	if subject == "" {
		subject = c.r.URL.Path // what else the command is about
	}
	sum := sha256.Sum256([]byte(c.key.ID + "\n" + c.op.id + "\n" + subject + "\n" + given))
	return hex.EncodeToString(sum[:16]), nil
}

// secretive is an answer with parts that are not to be saved and can be made again.
type secretive interface {
	sealed() any
	unsealed(t *Tokens) any
}

// once answers a repeated request like the first time. Answers of 500 and above are not saved: what became of the
// command is then found out by running it again, under the same change id.
func (s *Server) once(c *call, answer func() (int, any, error), restore func(saved []byte) (any, error)) error {
	ctx := c.r.Context()
	saved, claimed, err := s.cfg.Store.BeginRequest(ctx, c.change, s.cfg.Tokens.bodyHash(c.body), c.now)
	if err != nil {
		return err
	}
	if !claimed {
		switch {
		case !s.cfg.Tokens.sameBody(saved.BodyHash, c.body):
			return problem(CodeIdempotencyConflict)
		case saved.Status != 0:
			c.told = true // the first time
			return s.replay(c, saved, restore)
		}
	}
	status, out, err := answer()
	var p *Problem
	if err != nil {
		if p = problemOf(err).localised(c.lang); p.Status >= 500 {
			return err
		}
		status = p.Status
	}
	s.save(c, status, out, p)
	if err != nil {
		return err
	}
	return s.reply(c, status, out)
}

func (s *Server) save(c *call, status int, out any, p *Problem) {
	r := store.SavedResponse{
		BodyHash: s.cfg.Tokens.bodyHash(c.body), Status: status, SavedAt: c.now,
		Header: map[string]string{"Content-Type": "application/json"},
	}
	if p != nil {
		r.Header["Content-Type"] = problemType
		out = p
	} else if o, ok := out.(secretive); ok {
		out = o.sealed()
	}
	var err error
	if r.Body, err = json.Marshal(out); err == nil {
		// The caller may be gone, its answer is not.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), 5*time.Second)
		defer cancel()
		err = s.cfg.Store.FinishRequest(ctx, c.change, r)
	}
	if err != nil {
		s.cfg.Logger.Warn("answer was not saved; a repeated request will run again", "operation", c.op.id, "error", err)
	}
}

func (s *Server) replay(c *call, saved store.SavedResponse, restore func([]byte) (any, error)) error {
	c.w.Header().Set(replayedHeader, "true")
	if saved.Header["Content-Type"] == problemType {
		s.write(c.w, saved.Status, problemType, saved.Body)
		return nil
	}
	out, err := restore(saved.Body)
	if err != nil {
		return errors.Join(errors.New("api: saved answer cannot be read"), err)
	}
	return s.reply(c, saved.Status, out)
}

func restore[Out any](s *Server, saved []byte) (any, error) {
	var out Out
	if err := json.Unmarshal(saved, &out); err != nil {
		return nil, err
	}
	if o, ok := any(out).(secretive); ok {
		return o.unsealed(s.cfg.Tokens), nil
	}
	return out, nil
}
