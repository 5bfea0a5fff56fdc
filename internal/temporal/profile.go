package temporal

import (
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/verigate/verigate/internal/config"
)

// Environment is what a process finds around it. The environment of the operating system is one.
type Environment interface {
	LookupEnv(name string) (value string, ok bool)
	Environ() []string // as name=value
}

// ReadProfile returns what reads profiles as Temporal's own programs do, over an environment.
func ReadProfile(env Environment) config.ProfileReader {
	return func(text []byte, profile string) (config.TemporalProfile, error) {
		p, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
			ConfigFileData: text, ConfigFileProfile: profile, DisableFile: len(text) == 0, EnvLookup: env,
		})
		if err != nil {
			return config.TemporalProfile{}, profileFault(text, profile, err)
		}
		return convert(p), nil
	}
}

// profileFault says what is wrong with a file and quotes nothing of it: keys are in there.
func profileFault(text []byte, profile string, err error) error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return fmt.Errorf("is in a file that is not TOML: line %d", syntax.Position.Line)
	}
	var known envconfig.ClientConfig
	if known.FromTOML(text, envconfig.ClientConfigFromTOMLOptions{}) == nil && known.Profiles[profile] == nil {
		return errors.New("is not in temporal.config_file, which must have a table [profile.NAME] for it")
	}
	return errors.New("has values of the wrong kind in temporal.config_file")
}

func convert(p envconfig.ClientConfigProfile) config.TemporalProfile {
	out := config.TemporalProfile{
		Address: p.Address, Namespace: p.Namespace, APIKey: config.NewSecret(p.APIKey), Authority: p.Authority,
		TLS: p.APIKey != "", Headers: map[string]config.Secret{},
	}
	for name, value := range p.GRPCMeta {
		out.Headers[name] = config.NewSecret(value)
	}
	if t := p.TLS; t != nil {
		out.TLS, out.SkipVerification, out.ServerName = !t.Disabled, t.DisableHostVerification, t.ServerName
		out.CAFile, out.CertFile, out.KeyFile = t.ServerCACertPath, t.ClientCertPath, t.ClientKeyPath
		out.CA, out.Cert, out.Key = pem(t.ServerCACertData), pem(t.ClientCertData), pem(t.ClientKeyData)
	}
	return out
}

func pem(data []byte) config.Secret { return config.NewSecret(string(data)) }
