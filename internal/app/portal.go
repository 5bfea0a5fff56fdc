package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/portal"
)

// portalWait is how long the sample portal waits for one answer of the API.
const portalWait = 10 * time.Second

// startPortal serves the sample portal on a port of its own, as somebody else's site would be. It gets the API's
// address and a key, and nothing else of this process.
func (a *App) startPortal(listener net.Listener, keys DemoKeys) error {
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	site, err := portal.New(portal.Config{
		Client:   &portal.Client{BaseURL: a.API, Key: keys.API, HTTP: &http.Client{Transport: transport, Timeout: portalWait}},
		URL:      a.Portal,
		Accounts: portalSamples(),
		Now:      a.clock.Now,
		Logger:   a.log.With("part", "portal"),
	})
	if err != nil {
		return fmt.Errorf("portal: %w", err)
	}
	server := &http.Server{
		Handler: site, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(complaints{a.log.Handler()}, slog.LevelDebug),
	}
	a.serve("portal", server, listener, transport.CloseIdleConnections)
	return nil
}

// listenPortal takes the portal's port of the last run, or a free one.
func (d DemoDir) listenPortal() (net.Listener, error) {
	var p portsFile
	if _, err := readJSON(d.file("ports.json"), &p); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(stillFree(p.Portal))))
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	return listener, nil
}

// portalSamples are the sample accounts, introduced in both languages.
func portalSamples() []portal.Sample {
	chinese := map[string]string{
		"sample-before":     "在截止时刻前一秒注册：适用规则",
		"sample-at":         "在截止时刻注册：适用新注册账号规则，自注册起受限",
		"sample-old":        "2020年11月1日注册：适用规则，尚未办理",
		"sample-approved":   "此前已通过实名审核，尚未核实本人：适用规则",
		"sample-verified":   "此前已完成认证：不受限制",
		"sample-enterprise": "企业账号：不适用规则",
		"sample-us":         "其他地区账号：不适用规则",
	}
	var all []portal.Sample
	for _, s := range Samples() {
		all = append(all, portal.Sample{ID: s.ID, Show: portal.Message{En: s.Show, ZhCN: chinese[s.ID]}})
	}
	return all
}
