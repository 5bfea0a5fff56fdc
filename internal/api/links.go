package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/skip2/go-qrcode"

	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const (
	// scanWait bounds how long a phone waits for its scan to be marked; it goes on to the provider either way.
	scanWait = 2 * time.Second
	// refreshWait bounds a refresh that a returning phone asks for.
	refreshWait = 30 * time.Second
	// moduleSize is the width of a QR code's smallest square in pixels.
	moduleSize = 8
)

func (s *Server) linkRoutes() {
	row := func(id, path, summary, words string, answers map[int]string) operation {
		return operation{id: id, method: http.MethodGet, path: path, tag: tagLinks, summary: summary, words: words, answers: answers, codes: []Code{CodeRateLimited}}
	}
	ended := map[int]string{http.StatusNotFound: "No such code.", http.StatusGone: "The code has ended."}
	with := func(status int, words string) map[int]string {
		m := map[int]string{status: words}
		for k, v := range ended {
			m[k] = v
		}
		return m
	}
	for _, r := range []struct {
		op operation
		h  func(*call) error
	}{
		{row("open-scan-link", "/s/{token}", "Scan link", "What the QR code leads to. Marks the scan and leads on to the provider; may be opened again until the code ends. HEAD and prefetching mark nothing.",
			with(http.StatusFound, "On to the provider.")), s.scan},
		{row("qr-picture", "/qr/{file}", "QR code as a picture", "A PNG of the QR code, while the code is shown.", with(http.StatusOK, "The picture.")), s.picture},
		{row("return-link", "/r/{token}", "Return page", "Where the provider sends the phone afterwards. A hint to ask the provider, never a result.",
			map[int]string{http.StatusOK: "Go back to the verification page, on this device or another.", http.StatusNotFound: "No such attempt."}), s.returned},
	} {
		s.document(r.op, false, media{}, media{})
		s.serve(r.op, func(c *call) error {
			if wait := s.links.Take(limit.Subscriber(s.cfg.ClientIP(c.r))); wait > 0 {
				return rateLimited(wait)
			}
			return r.h(c)
		})
	}
}

// lease is a QR code that is shown, with what it belongs to.
type lease struct {
	account string
	lease   lifecycle.Lease
	attempt lifecycle.Attempt
}

var (
	errNoCode    = errors.New("api: no such code")
	errCodeEnded = errors.New("api: the code has ended")
)

// shown returns the lease of a token: errNoCode if there is none, errCodeEnded if it is no longer the one shown.
func (s *Server) shown(ctx context.Context, c *call, p purpose, token string) (lease, error) {
	id, err := s.cfg.Tokens.open(p, token)
	if err != nil {
		if wait := s.failures.Take(limit.Subscriber(s.cfg.ClientIP(c.r))); wait > 0 {
			return lease{}, rateLimited(wait)
		}
		return lease{}, errNoCode
	}
	account, _, err := s.cfg.Store.Lease(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return lease{}, errNoCode
	}
	if err != nil {
		return lease{}, err
	}
	head, err := s.cfg.Store.Head(ctx, account)
	if err != nil {
		return lease{}, err
	}
	if head.Lease == nil || head.Lease.ID != id || !c.now.Before(head.Lease.ExpiresAt) {
		return lease{}, errCodeEnded
	}
	attempt := head.Attempt(head.Lease.AttemptID)
	if attempt == nil {
		return lease{}, errCodeEnded
	}
	return lease{account, *head.Lease, *attempt}, nil
}

func (s *Server) scan(c *call) error {
	ctx := c.r.Context()
	l, err := s.shown(ctx, c, forScan, c.r.PathValue("token"))
	if done, err := s.endedPage(c, err); done {
		return err
	}
	if prefetching(c.r) {
		// A browser that looks ahead is no phone that was held up to the code. It may come again in earnest.
		s.page(c.w, http.StatusServiceUnavailable, s.pages.preview)
		return nil
	}
	if c.r.Method == http.MethodHead {
		s.page(c.w, http.StatusOK, s.pages.preview)
		return nil
	}
	if l.lease.ScannedAt.IsZero() {
		s.mark(ctx, l)
	}
	target, err := s.launch(ctx, l)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", target)
	c.w.WriteHeader(http.StatusFound)
	return nil
}

// mark tells the engine of a scan. It is news: if the engine does not take it now, the provider's answer tells later.
func (s *Server) mark(ctx context.Context, l lease) {
	ctx, cancel := context.WithTimeout(ctx, scanWait)
	defer cancel()
	if _, err := s.cfg.Engine.Scan(ctx, l.account, "scan:"+l.lease.ID, contract.Scan{LeaseID: l.lease.ID}); err != nil {
		s.cfg.Logger.WarnContext(ctx, "scan was not marked", "lease_id", l.lease.ID, "code", problemOf(err).Code, "error", err)
	}
}

func (s *Server) launch(ctx context.Context, l lease) (string, error) {
	target, err := s.cfg.Launcher.Launch(ctx, l.account, l.attempt)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(target)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return "", errors.New("api: the launcher gave no web address")
	}
	return target, nil
}

func (s *Server) picture(c *call) error {
	token, isPNG := strings.CutSuffix(c.r.PathValue("file"), ".png")
	if !isPNG {
		return problem(CodeNotFound)
	}
	ctx := c.r.Context()
	l, err := s.shown(ctx, c, forQR, token)
	if done, err := s.endedPage(c, err); done {
		return err
	}
	content := s.cfg.Tokens.ScanURL(l.lease.ID)
	if s.cfg.QRContent == QRProviderURL {
		if content, err = s.launch(ctx, l); err != nil {
			return err
		}
	}
	code, err := qrcode.New(content, qrcode.Medium) // with the quiet zone of four modules that the library draws
	if err != nil {
		return err
	}
	png, err := code.PNG(-moduleSize)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin") // a page of the platform shows it
	s.write(c.w, http.StatusOK, "image/png", png)
	return nil
}

// returned answers the phone that comes back from the provider. The page never tells a result: only the provider's
// signed answer is one, and it may come later than the phone.
func (s *Server) returned(c *call) error {
	ctx := c.r.Context()
	id, err := s.cfg.Tokens.open(forReturn, c.r.PathValue("token"))
	if err != nil {
		if wait := s.failures.Take(limit.Subscriber(s.cfg.ClientIP(c.r))); wait > 0 {
			return rateLimited(wait)
		}
		s.page(c.w, http.StatusNotFound, s.pages.unknown)
		return nil
	}
	if c.r.Method == http.MethodHead || prefetching(c.r) {
		s.page(c.w, http.StatusOK, s.pages.preview)
		return nil
	}
	account, _, err := s.cfg.Store.Attempt(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		s.page(c.w, http.StatusNotFound, s.pages.unknown)
		return nil
	}
	if err == nil {
		err = s.cfg.Store.MarkReturned(ctx, id, c.now)
	}
	if err != nil {
		return err
	}
	if err := s.askProvider(ctx, account); err != nil {
		return err
	}
	s.page(c.w, http.StatusOK, s.pages.returned)
	return nil
}

// askProvider has the engine ask the provider where nobody does so anyway: while a QR is shown, whoever waits for the
// result has seen the hint. It goes on after the phone was answered, so many at a time.
func (s *Server) askProvider(ctx context.Context, account string) error {
	head, err := s.cfg.Store.Head(ctx, account)
	if err != nil {
		return err
	}
	switch head.State {
	case lifecycle.QRIssued, lifecycle.Scanned, lifecycle.Verified:
		return nil
	default:
	}
	if len(head.Watched(s.cfg.Now())) == 0 || !s.tasks.Begin() {
		return nil
	}
	select {
	case s.refreshes <- struct{}{}:
	default:
		s.tasks.Done()
		return nil // the engine asks by itself, later
	}
	go func() {
		defer s.tasks.Done()
		defer func() { <-s.refreshes }()
		ctx, cancel := context.WithTimeout(s.tasks.Context(), refreshWait)
		defer cancel()
		_, err := s.cfg.Engine.Refresh(ctx, account, "return:"+head.AccountID+":"+s.cfg.Now().UTC().Format(time.RFC3339),
			contract.Refresh{Actor: lifecycle.Actor{Kind: lifecycle.ActorMerchant}})
		if err != nil {
			s.cfg.Logger.WarnContext(ctx, "refresh after a return failed", "code", problemOf(err).Code, "error", err)
		}
	}()
	return nil
}

// endedPage answers where there is no code to show; done says that the request is answered or failed.
func (s *Server) endedPage(c *call, err error) (done bool, _ error) {
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errNoCode):
		s.page(c.w, http.StatusNotFound, s.pages.unknown)
	case errors.Is(err, errCodeEnded):
		s.page(c.w, http.StatusGone, s.pages.ended)
	default:
		return true, err
	}
	return true, nil
}

// prefetching recognises browsers and apps that look at a link before anybody opens it.
func prefetching(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		value := strings.ToLower(r.Header.Get(name))
		if strings.Contains(value, "prefetch") || strings.Contains(value, "preview") || strings.Contains(value, "prerender") {
			return true
		}
	}
	return false
}
