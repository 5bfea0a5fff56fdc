package alipay

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"
)

// Gateway addresses that Alipay publishes.
const (
	ProductionGateway = "https://openapi.alipay.com/gateway.do"
	SandboxGateway    = "https://openapi-sandbox.dl.alipaydev.com/gateway.do"
)

// Layout says where the parameters of a POST go. All are seen to work.
type Layout string

const (
	// LayoutQuery puts everything but biz_content into the URL, as the official EasySDK does.
	LayoutQuery Layout = "query"
	// LayoutBody puts everything into the body and repeats nothing; only charset
	// stays in the URL, because without it the gateway may read the body as GBK
	// and Chinese names break the signature.
	LayoutBody Layout = "body"
)

// Secret is a string that prints and logs as "[redacted]".
type Secret string

// Format implements fmt.Formatter: with String alone, a verb that is not one for texts would print the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// String implements fmt.Stringer, for who asks for it by name.
func (Secret) String() string { return "[redacted]" }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Config configures one application at Alipay. Start from DefaultConfig.
//
// Alipay's answers are verified either with its public key (AlipayPublicKeyPEM)
// or in certificate mode (the three certificate fields); exactly one of the two
// must be given.
type Config struct {
	// Gateway receives the calls. Default ProductionGateway. https, unless AllowHTTP.
	Gateway string
	// PageGateway is the gateway as phones reach it, for the certify URL in the
	// QR code. Default "": the same as Gateway.
	PageGateway string
	// AllowHTTP permits http gateways, for a simulator. Default false.
	AllowHTTP bool

	// AppID is the application's id, at most 32 characters. Required.
	AppID string
	// AppPrivateKeyPEM signs our calls: RSA, 2048 bits or more, PKCS#8 or PKCS#1. Required.
	AppPrivateKeyPEM Secret
	// AlipayPublicKeyPEM verifies answers in plain-key mode: RSA, "PUBLIC KEY" or
	// "RSA PUBLIC KEY". It is Alipay's key, not the application's.
	AlipayPublicKeyPEM string

	// AppCertPEM, AlipayCertPEM and AlipayRootCertPEM switch to certificate mode:
	// the application's certificate, the one Alipay signs with, and the root
	// bundle, as downloaded from the console. An answer signed under another
	// certificate is refused, none is ever downloaded: rotation is an operator's act.
	AppCertPEM        string
	AlipayCertPEM     string
	AlipayRootCertPEM string

	// BizCode selects the product of the contract: FACE, SMART_FACE, CERT_PHOTO or
	// CERT_PHOTO_FACE. Default FACE.
	BizCode string
	// Layout of calls. Default LayoutQuery.
	Layout Layout

	// Timeout bounds one call from dial to last byte. Default 15 s, the official
	// SDK's read timeout. At least 100 ms, at most 1 min.
	Timeout time.Duration
	// LaunchFresh is how long a certify URL is shown before it is signed anew.
	// How old a timestamp the gateway takes is not documented. Default 3 min. At
	// most 23 h.
	LaunchFresh time.Duration
	// MinPoll is what Capabilities advises between two queries of one order. Default 2 s.
	MinPoll time.Duration
	// RatePerSecond and Burst are this process's share of the application's quota
	// (Alipay publishes none). A call above it fails at once with
	// face.ErrRateLimited and the wait that is needed. Default 20 and 40; 0 and 0
	// for no limit.
	RatePerSecond float64
	Burst         int
}

// DefaultConfig returns the documented defaults; AppID and keys are missing.
func DefaultConfig() Config {
	return Config{
		Gateway:       ProductionGateway,
		BizCode:       "FACE",
		Layout:        LayoutQuery,
		Timeout:       15 * time.Second,
		LaunchFresh:   3 * time.Minute,
		MinPoll:       2 * time.Second,
		RatePerSecond: 20,
		Burst:         40,
	}
}

// Validate returns every fault of c, joined, or nil. No fault quotes a key.
func (c Config) Validate() error {
	_, keyFaults := loadKeys(c)
	return errors.Join(append(c.faults(), keyFaults...)...)
}

func (c Config) faults() []error {
	var all []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("alipay: "+format, args...))
		}
	}
	add(!c.gatewayOK(c.Gateway), "gateway must be an absolute https URL without query (http needs allow_http), for example %s", ProductionGateway)
	add(c.PageGateway != "" && !c.gatewayOK(c.PageGateway), "page_gateway must be empty or an absolute https URL without query (http needs allow_http)")
	add(c.AppID == "" || len(c.AppID) > 32, "app_id is required, at most 32 characters")
	switch c.BizCode {
	case "FACE", "SMART_FACE", "CERT_PHOTO", "CERT_PHOTO_FACE":
	default:
		add(true, "biz_code must be FACE, SMART_FACE, CERT_PHOTO or CERT_PHOTO_FACE, as in the contract")
	}
	add(c.Layout != LayoutQuery && c.Layout != LayoutBody, "layout must be %s or %s", LayoutQuery, LayoutBody)
	add(c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute, "timeout must be from 100ms to 1m")
	add(c.LaunchFresh < time.Second || c.LaunchFresh > attemptTTL, "launch_fresh must be from 1s to %s", attemptTTL)
	add(c.MinPoll < 100*time.Millisecond || c.MinPoll > time.Hour, "min_poll must be from 100ms to 1h")
	add(!(c.RatePerSecond >= 0 && c.RatePerSecond <= 1e6), "rate_per_second must be from 0 to 1000000")
	add((c.RatePerSecond > 0) != (c.Burst > 0), "rate_per_second and burst must both be positive, or both 0 for no limit")
	return all
}

func (c Config) gatewayOK(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || (u.Scheme == "http" && c.AllowHTTP)) &&
		u.Hostname() != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}
