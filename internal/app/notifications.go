package app

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/notify/aliyunsms"
	"github.com/verigate/verigate/internal/notify/aliyunsms/smssim"
	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/temporal"
)

// startNotifications makes what reminds merchants.
func (a *App) startNotifications(context.Context) error {
	notifier, err := a.notifier()
	if err != nil {
		return err
	}
	a.reminders = reminders.New(reminders.Config{
		Store: a.store, Vault: a.vault, Notifier: notifier, Now: a.clock.Now, Wait: pause.For, Logger: a.log,
	})
	return nil
}

// notifier is who sends text messages, nil for nobody.
func (a *App) notifier() (notify.Notifier, error) {
	c := a.config.Notify.Aliyun
	settings := aliyunsms.Config{
		Endpoint: c.Endpoint, AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret.Reveal(), SignName: c.SignName,
		TemplateBefore: c.TemplateBefore, TemplateAfter: c.TemplateAfter, Timeout: c.Timeout,
	}
	switch a.config.Notify.Kind {
	case config.NotifyOff:
		return nil, nil //nolint:nilnil // nobody is an answer
	case config.NotifySimulated:
		if err := a.startSMS(&settings); err != nil {
			return nil, err
		}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16, Proxy: http.ProxyFromEnvironment}
	settings.Now, settings.HTTP = a.clock.Now, &http.Client{Transport: a.watch.traces.Client("text message", transport)}
	sender, err := aliyunsms.New(settings)
	if err != nil {
		return nil, fmt.Errorf("notify.aliyun: %w", err)
	}
	a.stack.push("notifications", func(context.Context) error { transport.CloseIdleConnections(); return nil })
	return sender, nil
}

// startSMS serves the simulated short message service and fills in the contract with it.
func (a *App) startSMS(settings *aliyunsms.Config) error {
	listener, err := net.Listen("tcp", a.config.Notify.SimulatorListen)
	if err != nil {
		return fmt.Errorf("notify.simulator_listen: %w", err)
	}
	a.SMS = "http://" + listener.Addr().String()
	settings.Endpoint, settings.AccessKeyID, settings.AccessKeySecret = a.SMS, "simulated", rand.Text()
	settings.SignName, settings.TemplateBefore, settings.TemplateAfter = "示例商户平台", "SMS_BEFORE", "SMS_AFTER"
	server := &http.Server{
		Handler: smssim.New(smssim.Config{
			AccessKeyID: settings.AccessKeyID, AccessKeySecret: settings.AccessKeySecret, SignName: settings.SignName, Now: a.clock.Now,
			Templates: map[string]string{
				settings.TemplateBefore: "您的账号需在${date}前完成人脸识别验证，还剩${days}天。请登录商户平台办理。",
				settings.TemplateAfter:  "您的账号未在${date}前完成人脸识别验证，部分功能已受限（已过${days}天）。请登录商户平台办理。",
			},
		}),
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(complaints{a.log.Handler()}, slog.LevelDebug),
	}
	a.serve("simulated text messages", server, listener, nil)
	return nil
}

const receiptsPath = "/hooks/sms/"

// withReceipts takes the message service's receipts at an address that only the service knows.
func (a *App) withReceipts(rest http.Handler) http.Handler {
	secret := a.config.Notify.Aliyun.ReceiptsSecret
	if a.config.Notify.Kind != config.NotifyAliyun || !secret.IsSet() {
		return rest
	}
	receipts := aliyunsms.Receipts(a.takeReceipt)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, is := strings.CutPrefix(r.URL.Path, receiptsPath)
		if is && subtle.ConstantTimeCompare([]byte(given), []byte(secret.Reveal())) == 1 {
			receipts.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// takeReceipt writes down what is said of a message of ours. What fits none is forgotten: the push is not signed.
func (a *App) takeReceipt(ctx context.Context, r aliyunsms.Report) error {
	n, err := a.store.Notice(ctx, r.NoticeID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case n.ProviderID != "" && n.ProviderID != r.ProviderID:
		return nil
	}
	outcome := store.NoticeOutcome{State: store.NoticeFailed, Code: r.Code}
	if r.Delivered {
		outcome.State = store.NoticeDelivered
	}
	_, err = a.store.ReportNotice(ctx, n.ID, outcome, a.clock.Now())
	return err
}

// schedulesEvery is how soon the policies that were published are heard of by the schedules.
const schedulesEvery = time.Minute

// startReminderSchedules keeps a schedule for each policy that reminds.
func (a *App) startReminderSchedules(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	ticker, done := time.NewTicker(schedulesEvery), make(chan struct{})
	go func() {
		defer close(done)
		defer ticker.Stop()
		var known []string
		for {
			known = a.reconcileReminders(ctx, known)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	a.stack.push("reminder schedules", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
	return nil
}

// reconcileReminders brings the schedules in line with the policies in force, if they are not those known, and returns
// what is known then.
func (a *App) reconcileReminders(ctx context.Context, known []string) []string {
	names, err := a.reminders.PolicyNames(ctx)
	if err == nil && (known == nil || strings.Join(names, "/") != strings.Join(known, "/")) {
		err = temporal.ReconcileReminderSchedules(ctx, a.client, names)
	}
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("the schedules of reminders are as they were", "error", err)
		}
		return nil
	}
	return append([]string{}, names...)
}
