package app

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/internal/web"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// newPages makes the merchant pages, served beside the API under /m/ and /embed/.
func (a *App) newPages(links *api.Tokens, commands *limit.Limiter) (*web.Server, error) {
	c := a.config
	pages, err := web.New(web.Config{
		Store: a.store, Vault: a.vault, Engine: a.crashingEngine(a.engine), Links: links,
		Launcher: launcher{a.face, links.ReturnURL, a.clock.Now}, Rules: newRules(a.store), Now: a.clock.Now, Logger: a.log,
		Operator: web.Operator{NameZh: c.Pages.OperatorZh, NameEn: c.Pages.OperatorEn, Contact: c.Pages.Contact},
		Limits:   a.limits(), ProviderQR: api.QRContent(c.QR.Content) == api.QRProviderURL,
		HTTPS:   a.https(),
		Sandbox: c.Provider.Alipay.SandboxNumbers, SessionLife: c.Pages.SessionLife, SessionIdle: c.Pages.SessionIdle,
		MaxStreams: c.Rates.Streams, ClientIP: a.caller(), Commands: commands, Evidence: a.evidenceRules(), Told: a.watch.pages.Told,
	})
	if err != nil {
		return nil, fmt.Errorf("pages.operator_zh, pages.operator_en and pages.contact must name who asks for the real name: %w", err)
	}
	return pages, nil
}

// promptLink leads every login prompt to one page of the platform's own, nowhere if none is configured.
func promptLink(address string) func(string) string {
	if address == "" {
		return nil
	}
	return func(string) string { return address }
}

// withPages divides the addresses of the one server.
func withPages(pages, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/m" || strings.HasPrefix(r.URL.Path, "/m/") || strings.HasPrefix(r.URL.Path, "/embed/") {
			pages.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// processor is who asks for consents.
func processor(c config.Pages) func(language string) lifecycle.Processor {
	return func(language string) lifecycle.Processor {
		if language == page.English {
			return lifecycle.Processor{Name: c.OperatorEn, Contact: c.Contact}
		}
		return lifecycle.Processor{Name: c.OperatorZh, Contact: c.Contact}
	}
}
