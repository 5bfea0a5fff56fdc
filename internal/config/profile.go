package config

import (
	"errors"
	"maps"
	"slices"
)

// TemporalProfile is what a profile of Temporal's own configuration file says, after the TEMPORAL_* variables of the
// environment. Empty is what nobody says.
type TemporalProfile struct {
	Address, Namespace string
	APIKey             Secret
	TLS                bool // connect with TLS
	SkipVerification   bool // do not look whom the server's certificate is for
	ServerName         string

	CAFile, CertFile, KeyFile string // PEM files
	CA, Cert, Key             Secret // the same in PEM

	Authority string            // of the connection
	Headers   map[string]Secret // of every call, by name in lower case
}

// ProfileReader reads a profile from the text of a configuration file of Temporal and from the environment. Without a
// text only the environment counts. Its error says what is wrong and quotes no value.
type ProfileReader func(text []byte, profile string) (TemporalProfile, error)

// Inline is what a TemporalProfile says that no setting does.
type Inline struct {
	CA, Cert, Key Secret // PEM; they count where the settings name no files
	Authority     string
	Headers       map[string]Secret
}

// standardProfile is the one that counts if a file is named and no profile.
const standardProfile = "default"

// byProfile fills in what the settings do not say of a remote Temporal server.
func (l *loader) byProfile(t *Temporal) {
	if l.Profile == nil || t.Mode != Remote {
		return
	}
	text, name, ok := l.profile(t)
	if !ok {
		return
	}
	p, err := l.Profile(text, name)
	if err != nil {
		field := "temporal.profile"
		if text == nil {
			field = "temporal"
		}
		l.add(Fault{Field: field, Source: l.from[field], Message: err.Error()})
		return
	}
	l.connect(t, p, name)
	l.secure(t, p, name)
}

// profile returns the text of Temporal's configuration file and the profile in it, both empty if none is asked for. If it
// cannot be had, that is a fault and ok is false.
func (l *loader) profile(t *Temporal) (text []byte, name string, ok bool) {
	file, field, name := t.ConfigFile, "temporal.config_file", t.Profile
	if text := l.variable("TEMPORAL_CONFIG_FILE"); text != "" && l.from[field] == "" {
		file, l.from[field] = text, "TEMPORAL_CONFIG_FILE"
	}
	if text := l.variable("TEMPORAL_PROFILE"); text != "" && l.from["temporal.profile"] == "" {
		name, l.from["temporal.profile"] = text, "TEMPORAL_PROFILE"
	}
	fault := func(field, message string) ([]byte, string, bool) {
		l.add(Fault{Field: field, Source: l.from[field], Message: message})
		return nil, "", false
	}
	switch {
	case file == "" && name == "":
		return nil, "", true
	case file == "":
		return fault("temporal.profile", "needs temporal.config_file: the file that the profile is in, such as ~/.config/temporalio/temporal.toml")
	case l.ReadFile == nil:
		return fault(field, "cannot be read here")
	}
	text, err := l.ReadFile(file)
	if err == nil && len(text) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return fault(field, "cannot be read: "+err.Error())
	}
	if name == "" {
		name = standardProfile
	}
	return text, name, true
}

// variable is a variable of the environment, empty if it is not set.
func (l *loader) variable(name string) string {
	if l.Env == nil {
		return ""
	}
	value, _ := l.Env(name)
	return value
}

// unsaid reports that no setting says anything of fields, of which the profile says something. From now on they are from it.
func (l *loader) unsaid(says bool, profile, variable string, fields ...string) bool {
	if !says || slices.ContainsFunc(fields, func(field string) bool { return l.from[field] != "" }) {
		return false
	}
	source := "profile " + profile
	if l.variable(variable) != "" {
		source = variable
	}
	for _, field := range fields {
		l.from[field] = source
	}
	return true
}

func (l *loader) connect(t *Temporal, p TemporalProfile, name string) {
	if l.unsaid(p.Address != "", name, "TEMPORAL_ADDRESS", "temporal.address") {
		t.Address = p.Address
	}
	if l.unsaid(p.Namespace != "", name, "TEMPORAL_NAMESPACE", "temporal.namespace") {
		t.Namespace = p.Namespace
	}
	if l.unsaid(p.APIKey.IsSet(), name, "TEMPORAL_API_KEY", "temporal.api_key") {
		t.APIKey = p.APIKey
	}
	t.Inline.Authority, t.Inline.Headers = p.Authority, maps.Clone(p.Headers)
}

// secure takes the profile's TLS, unless temporal.tls is said to be false. Files and texts of one thing are not mixed.
func (l *loader) secure(t *Temporal, p TemporalProfile, name string) {
	if l.unsaid(p.TLS, name, "TEMPORAL_TLS", "temporal.tls") {
		t.TLS = true
	}
	if !t.TLS {
		return
	}
	if p.SkipVerification {
		l.add(Fault{Field: "temporal.tls", Source: "profile " + name, Message: "must verify the server: TEMPORAL_TLS_DISABLE_HOST_VERIFICATION and " +
			"disable_host_verification are not taken. Name the server's certificates in temporal.tls_ca_file and its name in temporal.tls_server_name"})
	}
	if l.unsaid(p.ServerName != "", name, "TEMPORAL_TLS_SERVER_NAME", "temporal.tls_server_name") {
		t.TLSServerName = p.ServerName
	}
	if l.unsaid(p.CAFile != "" || p.CA.IsSet(), name, "TEMPORAL_TLS_SERVER_CA_CERT_PATH", "temporal.tls_ca_file") {
		t.TLSCAFile, t.Inline.CA = p.CAFile, p.CA
	}
	if l.unsaid(p.CertFile+p.KeyFile != "" || p.Cert.IsSet() || p.Key.IsSet(), name, "TEMPORAL_TLS_CLIENT_CERT_PATH",
		"temporal.tls_cert_file", "temporal.tls_key_file") {
		t.TLSCertFile, t.TLSKeyFile, t.Inline.Cert, t.Inline.Key = p.CertFile, p.KeyFile, p.Cert, p.Key
	}
}

// validateInline judges what no setting says, as Validate does the settings.
func (t Temporal) validateInline(need func(ok bool, field, message string)) {
	i := t.Inline
	need(i.Cert.IsSet() == i.Key.IsSet(), "temporal.tls_key_file", "and temporal.tls_cert_file belong together; give both or none, both as files or both as texts")
	need(t.TLSCertFile == "" || !i.Cert.IsSet(), "temporal.tls_cert_file", "is given as a file and as a text; remove one")
	need(t.TLSCAFile == "" || !i.CA.IsSet(), "temporal.tls_ca_file", "is given as a file and as a text; remove one")
	need(t.Mode == Remote || t.Profile+t.ConfigFile == "", "temporal.profile",
		"and temporal.config_file count with temporal.mode remote only; set that, or remove them")
}
