package alipay_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/activities/face/alipay"
	"github.com/verigate/verigate/activities/face/alipay/alipaysim"
	"github.com/verigate/verigate/activities/face/facetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]rigOption{
		"plain key, query layout":   nil,
		"plain key, body layout":    {bodyLayout},
		"certificate, query layout": {certMode(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facetest.Run(t, func(t *testing.T) (face.Provider, facetest.Control) {
				r := newRig(t, options...)
				return r.provider, r.control()
			})
		})
	}
}

// ends is how a call ends under one fault: an error class, or a state.
type ends struct {
	start, query error
	state        face.State // if query is nil
	skipStart    bool       // the fault cannot strike initialize
}

func faultTable() map[string]ends {
	uncertain := ends{start: face.ErrUncertain, query: face.ErrTransient}
	both := func(class error) ends { return ends{start: class, query: class} }
	return map[string]ends{
		alipaysim.FaultHTTP500:      uncertain,
		alipaysim.FaultHTTP503:      uncertain,
		alipaysim.FaultHTML:         uncertain,
		alipaysim.FaultNeverAnswers: uncertain,
		alipaysim.FaultDrop:         uncertain,
		alipaysim.FaultDelay:        uncertain,
		alipaysim.FaultCutBody:      uncertain,
		alipaysim.FaultDidItButCut:  uncertain,
		alipaysim.FaultHugeBody:     uncertain,
		alipaysim.FaultRedirect308:  both(face.ErrTransient),
		alipaysim.FaultBusy20000:    both(face.ErrTransient),
		alipaysim.FaultSystemError:  both(face.ErrTransient),
		alipaysim.FaultUnknownError: both(face.ErrTransient),
		alipaysim.FaultLimited40005: both(face.ErrRateLimited),
		alipaysim.FaultForbidden:    both(face.ErrConfig),
		alipaysim.FaultNewSubCode:   both(face.ErrConfig),
		alipaysim.FaultWrongSign:    both(face.ErrSignature),
		alipaysim.FaultUnsigned:     both(face.ErrSignature),
		alipaysim.FaultDuplicate:    both(face.ErrSignature),
		alipaysim.FaultOtherMethod:  both(face.ErrSignature),
		alipaysim.FaultCertSN:       both(face.ErrSignature), // in certificate mode
		alipaysim.FaultFormatError:  {start: face.ErrUserInput, query: face.ErrConfig},
		alipaysim.FaultProcessing:   {start: face.ErrUncertain, state: face.StatePending},
		alipaysim.FaultPassedArray:  {skipStart: true, state: face.StatePassed},
		alipaysim.FaultPassedOdd:    {skipStart: true, query: face.ErrConfig},
		alipaysim.FaultFlipLate:     {skipStart: true, state: face.StateNotPassed},
	}
}

// Each fault at each call, over real HTTP: the class, one request only, nothing
// personal said, and the truth at the next call.
func TestEachFaultAtEachCall(t *testing.T) {
	t.Parallel()
	table := faultTable()
	for _, kind := range alipaysim.Kinds() {
		want, listed := table[kind]
		require.True(t, listed, "kind %s has no expectation", kind)
		options := []rigOption{shortTimeout}
		if kind == alipaysim.FaultCertSN {
			options = append(options, certMode(t))
		}
		t.Run(kind+"/start", func(t *testing.T) {
			t.Parallel()
			if want.skipStart {
				require.Error(t, newRig(t).sim.Arm(alipaysim.Fault{Kind: kind, Op: alipaysim.OpInitialize}))
				return
			}
			r := newRig(t, options...)
			r.arm(t, kind, alipaysim.OpInitialize)
			session, err := r.provider.Start(t.Context(), facetest.Request(1))
			require.Equal(t, want.start, face.ClassOf(err), "%v", err)
			require.Zero(t, session)
			require.EqualValues(t, 1, r.requests.Load(), "neither retried nor redirected")
			facetest.RequireNoCanary(t, err.Error()+r.logs.String())
			require.Contains(t, r.logs.String(), "provider call failed")
		})
		t.Run(kind+"/query", func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options...)
			s := mustStart(t, r, 1)
			require.NoError(t, r.sim.Decide(s.Ref.ProviderRef, "pass"))
			r.arm(t, kind, alipaysim.OpQuery)
			out, err := r.provider.Query(t.Context(), s.Ref)
			require.Equal(t, want.query, face.ClassOf(err), "%v", err)
			require.Equal(t, want.state, out.State)
			require.EqualValues(t, 2, r.requests.Load(), "neither retried nor redirected")
			if err != nil {
				facetest.RequireNoCanary(t, err.Error())
			}
			facetest.RequireNoCanary(t, r.logs.String())

			out, err = r.provider.Query(t.Context(), s.Ref)
			require.NoError(t, err)
			require.Equal(t, face.StatePassed, out.State)
			require.Len(t, out.Digest, 64)
		})
	}
	require.Len(t, table, len(alipaysim.Kinds()), "an expectation for a kind that does not exist")
}

func mustStart(t testing.TB, r *rig, n int) face.Session {
	t.Helper()
	s, err := r.provider.Start(t.Context(), facetest.Request(n))
	require.NoError(t, err)
	return s
}

func TestForeignCertSNIsIgnoredInPlainKeyMode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.arm(t, alipaysim.FaultCertSN, alipaysim.OpInitialize)
	mustStart(t, r, 1)
}

func TestCertModeDemandsTheSN(t *testing.T) {
	t.Parallel()
	r := newRig(t, certMode(t), func(_ *alipay.Config, sim *alipaysim.Config) { sim.CertSN = "" })
	_, err := r.provider.Start(t.Context(), facetest.Request(1))
	require.ErrorIs(t, err, face.ErrSignature)
}

// The gateway's answer to a bad signature repeats the string to sign, and with it
// name and number. Nothing of it may come through.
func TestEchoOfTheGatewayStaysInside(t *testing.T) {
	t.Parallel()
	other, err := alipaysim.GenerateKeys()
	require.NoError(t, err)
	r := newRig(t, func(_ *alipay.Config, sim *alipaysim.Config) { sim.AppPublicKey = &other.App.PublicKey })
	_, err = r.provider.Start(t.Context(), facetest.Request(1))
	require.ErrorIs(t, err, face.ErrConfig)
	var typed *face.Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, "isv.invalid-signature", typed.SubCode)
	facetest.RequireNoCanary(t, err.Error()+r.logs.String())
	require.Zero(t, r.sim.Orders())
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := mustStart(t, r, 1)
	var typed *face.Error
	r.arm(t, alipaysim.FaultHTTP503, alipaysim.OpQuery)
	_, err := r.provider.Query(t.Context(), s.Ref)
	require.ErrorAs(t, err, &typed)
	require.Equal(t, 2*time.Second, typed.RetryAfter)
	require.Equal(t, http.StatusServiceUnavailable, typed.HTTPStatus)
	r.arm(t, alipaysim.FaultLimited40005, alipaysim.OpQuery)
	_, err = r.provider.Query(t.Context(), s.Ref)
	require.ErrorAs(t, err, &typed)
	require.Equal(t, 30*time.Second, typed.RetryAfter)
}

func TestStatusesInFrontOfTheGateway(t *testing.T) {
	t.Parallel()
	_, appPrivate, gatewayPublic := keysOf(t)
	for name, c := range map[string]struct {
		status       int
		retryAfter   string
		start, query error
		wait         time.Duration
	}{
		"429":              {429, "7", face.ErrRateLimited, face.ErrRateLimited, 7 * time.Second},
		"429, absurd wait": {429, "99999999", face.ErrRateLimited, face.ErrRateLimited, time.Hour},
		"403":              {403, "soon", face.ErrTransient, face.ErrTransient, 0},
		"502":              {502, "-4", face.ErrUncertain, face.ErrTransient, 0},
		"201":              {201, "", face.ErrUncertain, face.ErrTransient, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.retryAfter)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			p := newProvider(t, server.URL, appPrivate, gatewayPublic)
			_, err := p.Start(t.Context(), facetest.Request(1))
			require.Equal(t, c.start, face.ClassOf(err))
			_, err = p.Query(t.Context(), face.Ref{ProviderRef: "a1"})
			require.Equal(t, c.query, face.ClassOf(err))
			var typed *face.Error
			require.ErrorAs(t, err, &typed)
			require.Equal(t, c.wait, typed.RetryAfter)
			require.Equal(t, c.status, typed.HTTPStatus)
		})
	}
}

func newProvider(t testing.TB, base, appPrivate, gatewayPublic string) *alipay.Provider {
	t.Helper()
	cfg := alipay.DefaultConfig()
	cfg.Gateway, cfg.AllowHTTP, cfg.AppID = base+"/gateway.do", true, testAppID
	cfg.AppPrivateKeyPEM, cfg.AlipayPublicKeyPEM = alipay.Secret(appPrivate), gatewayPublic
	p, err := alipay.New(cfg, alipay.Deps{Now: func() time.Time { return time.Date(2020, 12, 4, 0, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// Before a connection exists nothing can have been ordered.
func TestNoConnectionIsTransientNotUncertain(t *testing.T) {
	t.Parallel()
	_, appPrivate, gatewayPublic := keysOf(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	p := newProvider(t, gone.URL, appPrivate, gatewayPublic)
	_, err := p.Start(t.Context(), facetest.Request(1))
	require.Equal(t, face.ErrTransient, face.ClassOf(err))
	facetest.RequireNoCanary(t, err.Error())
}

// An untrusted certificate ends the call before the name is sent.
func TestUntrustedTLSSendsNothing(t *testing.T) {
	t.Parallel()
	_, appPrivate, gatewayPublic := keysOf(t)
	reached := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	p := newProvider(t, server.URL, appPrivate, gatewayPublic)
	_, err := p.Start(t.Context(), facetest.Request(1))
	require.Equal(t, face.ErrTransient, face.ClassOf(err))
	require.Empty(t, reached)
}

// Codes tell an operator apart what one class does not.
func TestCodesOfLostAnswers(t *testing.T) {
	t.Parallel()
	for kind, code := range map[string]string{
		alipaysim.FaultHugeBody: "body_too_large", alipaysim.FaultCutBody: "cut_body", alipaysim.FaultHTML: "not_json",
		alipaysim.FaultDidItButCut: "network", alipaysim.FaultHTTP500: "http_status", alipaysim.FaultNeverAnswers: "timeout",
	} {
		r := newRig(t, shortTimeout)
		r.arm(t, kind, alipaysim.OpInitialize)
		_, err := r.provider.Start(t.Context(), facetest.Request(1))
		var typed *face.Error
		require.ErrorAs(t, err, &typed)
		require.Equal(t, code, typed.Code, kind)
	}
}

func TestTimeoutNamesItsCause(t *testing.T) {
	t.Parallel()
	r := newRig(t, shortTimeout)
	r.arm(t, alipaysim.FaultNeverAnswers, alipaysim.OpInitialize)
	_, err := r.provider.Start(t.Context(), facetest.Request(1))
	require.ErrorIs(t, err, face.ErrUncertain)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestLaunchIsSignedAnewAndOpensThePhonePage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := mustStart(t, r, 1)
	before := r.requests.Load()
	first, err := r.provider.Launch(t.Context(), s.Ref, face.LaunchOptions{ReturnURL: "https://idv.example.com/r/9f1c2d3e"})
	require.NoError(t, err)
	second, err := r.provider.Launch(t.Context(), s.Ref, face.LaunchOptions{At: r.clock.Now().Add(time.Minute)})
	require.NoError(t, err)
	require.Equal(t, before, r.requests.Load(), "a launch calls nobody")

	u, err := url.Parse(first.QRContent)
	require.NoError(t, err)
	q := u.Query()
	require.Equal(t, "2020-12-04 00:00:00", q.Get("timestamp"), "UTC+8")
	require.Equal(t, "alipay.user.certify.open.certify", q.Get("method"))
	require.Equal(t, "https://idv.example.com/r/9f1c2d3e", q.Get("return_url"))
	require.Equal(t, `{"certify_id":"`+s.Ref.ProviderRef+`"}`, q.Get("biz_content"))
	require.Len(t, q.Get("sign"), 344)
	require.Equal(t, r.clock.Now().Add(3*time.Minute), first.FreshTill)
	require.NotEqual(t, first.QRContent, second.QRContent)

	link, err := url.Parse(first.DeepLink)
	require.NoError(t, err)
	require.Equal(t, "alipays", link.Scheme)
	require.Equal(t, "20000067", link.Query().Get("appId"))
	require.Equal(t, first.WebURL, link.Query().Get("url"), "the inner URL survives")

	for _, page := range []string{first.WebURL, second.WebURL} {
		resp, err := http.Get(page) //nolint:noctx // a test's one-off
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Contains(t, string(body), "同意并认证")
	}
	http.DefaultClient.CloseIdleConnections()

	for name, c := range map[string]struct {
		ref   face.Ref
		ret   string
		class error
	}{
		"no reference": {face.Ref{}, "", face.ErrUnknownRef},
		"bad return":   {s.Ref, "https://h/?token=1", face.ErrConfig},
	} {
		_, err := r.provider.Launch(t.Context(), c.ref, face.LaunchOptions{ReturnURL: c.ret})
		require.Equal(t, c.class, face.ClassOf(err), name)
	}
}

func TestPageGatewayIsWherePhonesGo(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *alipay.Config, _ *alipaysim.Config) {
		cfg.PageGateway = "https://phones.example.com/gateway.do"
	})
	s := mustStart(t, r, 1)
	l, err := r.provider.Launch(t.Context(), s.Ref, face.LaunchOptions{})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(l.QRContent, "https://phones.example.com/gateway.do?"))
}

func TestAlipaysOwnLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, c := range map[string]struct {
		change func(*face.StartRequest)
		class  error
	}{
		"name of 51 characters":   {func(q *face.StartRequest) { q.Subject.Name = strings.Repeat("名", 51) }, face.ErrUserInput},
		"number of 31 characters": {func(q *face.StartRequest) { q.Subject.DocNo = strings.Repeat("1", 31) }, face.ErrUserInput},
		"number with a space":     {func(q *face.StartRequest) { q.Subject.DocNo = "1101 01" }, face.ErrUserInput},
		"Hong Kong permit":        {func(q *face.StartRequest) { q.Subject.DocNo = "810000199003070011" }, face.ErrUnsupported},
		"Macau permit":            {func(q *face.StartRequest) { q.Subject.DocNo = "820000199003070011" }, face.ErrUnsupported},
		"Taiwan permit":           {func(q *face.StartRequest) { q.Subject.DocNo = "830000199003070011" }, face.ErrUnsupported},
	} {
		q := facetest.Request(1)
		c.change(&q)
		_, err := r.provider.Start(t.Context(), q)
		require.Equal(t, c.class, face.ClassOf(err), name)
	}
	require.Zero(t, r.requests.Load())
	q := facetest.Request(1)
	q.Subject.Name, q.ReturnURL = strings.Repeat("名", 50), ""
	_, err := r.provider.Start(t.Context(), q)
	require.NoError(t, err)
}

// The quota refuses and says how long; it never waits.
func TestQuota(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *alipay.Config, _ *alipaysim.Config) { cfg.RatePerSecond, cfg.Burst = 2, 3 })
	s := mustStart(t, r, 1)
	for range 2 {
		_, err := r.provider.Query(t.Context(), s.Ref)
		require.NoError(t, err)
	}
	for range 3 { // refusals spend nothing
		_, err := r.provider.Query(t.Context(), s.Ref)
		require.ErrorIs(t, err, face.ErrRateLimited)
		var typed *face.Error
		require.ErrorAs(t, err, &typed)
		require.Equal(t, face.CodeLocalQuota, typed.Code)
		require.Equal(t, 500*time.Millisecond, typed.RetryAfter)
	}
	require.EqualValues(t, 3, r.requests.Load())
	_, err := r.provider.Start(t.Context(), facetest.Request(2))
	require.Equal(t, face.ErrRateLimited, face.ClassOf(err), "not uncertain: nothing was sent")
	r.clock.Advance(500 * time.Millisecond)
	_, err = r.provider.Query(t.Context(), s.Ref)
	require.NoError(t, err)
}
