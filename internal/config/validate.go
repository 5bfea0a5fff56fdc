package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/workflows/contract"
)

// Validate returns everything that is wrong: values out of their bounds, and what does not fit together. It opens no
// file and no connection; whether keys are usable, their users judge.
func (c *Config) Validate() Faults {
	var faults Faults
	for f := range c.Fields() {
		if message := f.check(); message != "" {
			faults = append(faults, Fault{Field: f.Path, Message: message})
		}
	}
	need := func(ok bool, field, message string) {
		if !ok {
			faults = append(faults, Fault{Field: field, Message: message})
		}
	}
	t := c.Temporal
	need(t.Mode != Embedded || t.Dir != "", "temporal.dir", "must name a directory when temporal.mode is embedded")
	need(t.Mode != Embedded || c.Worker.InProcess, "worker.in_process",
		"must be true when temporal.mode is embedded: no other process is told where the engine is")
	need(!t.APIKey.IsSet() || t.TLS, "temporal.api_key", "needs temporal.tls: a key is not sent in clear")
	need((t.TLSCertFile == "") == (t.TLSKeyFile == ""), "temporal.tls_key_file",
		"and temporal.tls_cert_file belong together; give both or none")
	t.validateInline(need)
	need(t.TLS || t.TLSCAFile+t.TLSCertFile+t.TLSServerName == "", "temporal.tls",
		"must be true for the other settings of TLS to count")
	need(t.ProviderTimeout < c.HTTP.WriteTimeout, "temporal.provider_timeout",
		"must be below http.write_timeout, or the answer cannot be sent any more")
	need(t.CommandTimeout < c.HTTP.WriteTimeout, "temporal.command_timeout",
		"must be below http.write_timeout, or the answer cannot be sent any more")
	c.Worker.validate(need, t.Mode)
	c.Provider.validate(need)
	c.validateDatabases(need)
	c.Vault.validate(need)
	c.Webhooks.validate(need)
	c.Notify.validate(need)
	c.HTTP.validate(need)
	c.Telemetry.validate(need)
	c.Admin.validate(need, c.HTTP.PublicURL)
	for _, kind := range c.Evidence.Needs {
		_, ok := evidence.KindOf(kind)
		need(ok, "evidence.needs", "must be kinds of evidence: id_front, id_back, holding, other")
	}
	return faults
}

func (w Worker) validate(need func(ok bool, field, message string), mode string) {
	known := contract.TaskQueues()
	for _, queue := range w.Queues {
		need(slices.Contains(known, queue), "worker.queues", "must be of "+strings.Join(known, ", "))
	}
	need(mode != Embedded || len(w.Queues) == 0, "worker.queues", "must be empty when temporal.mode is embedded: nobody else would serve the others")
	need(mode != Embedded || w.BuildID == "", "worker.build_id",
		"must be empty when temporal.mode is embedded: there is one build, and nobody to say when it gets work")
}

// Serves are the task queues that this process serves.
func (w Worker) Serves() []string {
	if len(w.Queues) == 0 {
		return contract.TaskQueues()
	}
	return w.Queues
}

func (h HTTP) validate(need func(ok bool, field, message string)) {
	_, err := h.Proxies()
	need(err == nil, "http.trusted_proxies", networkForm)
	need((h.TLS.CertFile == "") == (h.TLS.KeyFile == ""), "http.tls.key_file", "and http.tls.cert_file belong together; give both or none")
	need(!h.Secure() || h.PublicURL == "" || strings.HasPrefix(h.PublicURL, "https://"), "http.public_url",
		"must begin with https:// when http.tls is set, or links lead to where nobody answers")
	need(h.Secure() || h.AllowClear || len(h.TrustedProxies) > 0 || onlyHere(h.Listen), "http.listen",
		"is reached from other machines and speaks no TLS: set http.tls.cert_file and http.tls.key_file, "+
			"or name the proxies that speak it in http.trusted_proxies, or listen on 127.0.0.1. "+
			"http.allow_clear=true takes it as it is, keys and personal data in clear")
}

// Secure reports whether the server speaks TLS itself.
func (h HTTP) Secure() bool { return h.TLS.CertFile != "" }

// onlyHere reports whether an address is reached from this machine only. What is no address is another fault.
func onlyHere(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

func (v Vault) validate(need func(ok bool, field, message string)) {
	if v.KEK != KEKTransit {
		return
	}
	t := v.Transit
	need(t.Address != "", "vault.transit.address", "must be the address of the service when vault.kek is transit")
	need(secure(t.Address), "vault.transit.address", "must begin with https://, unless the service is on this machine: data keys are sent to it")
	need(t.Mount != "", "vault.transit.mount", "must be the path of the Transit engine")
	need(t.Key != "", "vault.transit.key", "must be the name of the key")
	need(t.Token.IsSet() != (t.TokenFile != ""), "vault.transit.token", "or vault.transit.token_file must name the token, one of the two")
}

// secure reports whether an address is reached by TLS, or not beyond this machine. What is no address is another fault.
func secure(address string) bool {
	u, err := url.Parse(address)
	return err != nil || u.Scheme != "http" || onlyHere(net.JoinHostPort(u.Hostname(), "0"))
}

// KeysFile is the path of the file of the data keys, where vault.keys_url does not name a database.
func (c *Config) KeysFile() string {
	if c.Vault.KeysPath != "" {
		return c.Vault.KeysPath
	}
	extension := filepath.Ext(c.Store.Path)
	return strings.TrimSuffix(c.Store.Path, extension) + "-keys" + extension
}

func (w Webhooks) validate(need func(ok bool, field, message string)) {
	_, err := w.Networks()
	need(err == nil, "webhooks.allowed_networks", networkForm)
	need(!w.AllowHTTP || len(w.AllowedNetworks) > 0, "webhooks.allow_http", "needs webhooks.allowed_networks: only these are reached without TLS")
}

const networkForm = "must be networks in CIDR notation with nothing set behind the prefix, such as 10.20.0.0/16"

// Networks returns the allowed networks.
func (w Webhooks) Networks() ([]netip.Prefix, error) { return networks(w.AllowedNetworks) }

// Proxies returns the networks of the trusted proxies.
func (h HTTP) Proxies() ([]netip.Prefix, error) { return networks(h.TrustedProxies) }

func networks(texts []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
		if p != p.Masked() {
			return nil, fmt.Errorf("config: %s is an address in a network and not a network", text)
		}
		networks = append(networks, p)
	}
	return networks, nil
}

func (p Provider) validate(need func(ok bool, field, message string)) {
	if p.Kind != ProviderAlipay {
		return
	}
	a := p.Alipay
	need(a.AppID != "", "provider.alipay.app_id", "must be the application's id at Alipay")
	need(a.PrivateKey.IsSet(), "provider.alipay.private_key", "must name the application's private key: file:PATH or env:NAME")
	certs := 0
	for _, s := range []Secret{a.AppCert, a.AlipayCert, a.RootCert} {
		if s.IsSet() {
			certs++
		}
	}
	need(a.PublicKey.IsSet() != (certs > 0), "provider.alipay.public_key",
		"or the three certificates (app_cert, alipay_cert, root_cert) must be given, one of the two ways")
	need(certs == 0 || certs == 3, "provider.alipay.app_cert",
		"and alipay_cert and root_cert belong together; give all three or none")
}

func (n Notify) validate(need func(ok bool, field, message string)) {
	a := n.Aliyun
	const short = 16
	need(!a.ReceiptsSecret.IsSet() || len(a.ReceiptsSecret.Reveal()) >= short, "notify.aliyun.receipts_secret",
		"must be at least 16 characters, or it can be guessed")
	if n.Kind != NotifyAliyun {
		return
	}
	need(a.AccessKeyID != "", "notify.aliyun.access_key_id", "must be the id of an access key")
	need(a.AccessKeySecret.IsSet(), "notify.aliyun.access_key_secret", "must name the access key's secret: file:PATH or env:NAME")
	need(a.SignName != "", "notify.aliyun.sign_name", "must be an approved signature")
	need(a.TemplateBefore != "", "notify.aliyun.template_before", "must be the code of an approved template")
	need(a.TemplateAfter != "", "notify.aliyun.template_after", "must be the code of an approved template")
}

// ValidateSecrets returns which keys of this deployment are missing or malformed. A command that reads no personal
// data does not need them all, so Validate leaves them out.
func (c *Config) ValidateSecrets() Faults {
	var faults Faults
	add := func(field, message string) { faults = append(faults, Fault{Field: field, Message: message}) }
	const where = "must name a key: file:PATH or env:NAME; make one with verigate secrets new"
	s := c.Secrets
	for _, k := range []struct {
		field  string
		secret Secret
		list   bool
		ids    bool
	}{
		{"secrets.vault_keyset", s.VaultKeyset, false, false},
		{"secrets.codec_keyset", s.CodecKeyset, false, false},
		{"secrets.link_keys", s.LinkKeys, true, false},
		{"secrets.receipt_keys", s.ReceiptKeys, true, true},
	} {
		if !k.secret.IsSet() {
			add(k.field, where)
			continue
		}
		if k.list {
			if _, err := k.secret.Keys(k.ids); err != nil {
				add(k.field, err.Error())
			}
		}
	}
	return faults
}
