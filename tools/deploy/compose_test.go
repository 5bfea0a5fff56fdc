package deploy

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

const composeFile = "../../deploy/compose.yaml"

// fleet reads the compose file as docker compose does.
func fleet(t *testing.T) *types.Project {
	t.Helper()
	file, err := filepath.Abs(composeFile)
	require.NoError(t, err)
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: filepath.Dir(file), ConfigFiles: []types.ConfigFile{{Filename: file}},
		Environment: types.Mapping{"VERIGATE_VERSION": "1.2.3", "VERIGATE_HOST": "verify.example.com"},
	})
	require.NoError(t, err)
	return p
}

// exact is a name of an image that always means the same.
var exact = regexp.MustCompile(`^[a-z0-9./-]+:\d+\.\d+[a-z0-9.-]*(@sha256:[0-9a-f]{64})?$`)

// loose says what a service may that it need not.
func loose(s types.ServiceConfig) (faults []string) {
	user, _, _ := strings.Cut(s.User, ":")
	temporals := strings.HasPrefix(s.Image, "temporalio/") // whose images name a user other than root
	for fault, found := range map[string]bool{
		"image moves":            !exact.MatchString(s.Image),
		"writes to its own root": !s.ReadOnly,
		"keeps capabilities":     !slices.Equal(s.CapDrop, []string{"ALL"}),
		"may get more rights":    !slices.Contains(s.SecurityOpt, "no-new-privileges:true"),
		"is privileged":          s.Privileged || len(s.Devices) > 0 || s.Pid != "" || s.NetworkMode == "host" || s.Ipc != "",
		"may be root":            !temporals && (user == "" || user == "0" || user == "root"),
		"is not looked at":       s.Restart == "unless-stopped" && (s.HealthCheck == nil || len(s.HealthCheck.Test) == 0),
		"adds a capability":      len(s.CapAdd) > 0 && !(strings.HasPrefix(s.Image, "caddy:") && slices.Equal(s.CapAdd, []string{"NET_BIND_SERVICE"})),
		"mounts the host":        slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Type != types.VolumeTypeVolume }),
		"says a secret":          slices.ContainsFunc(said(s), regexp.MustCompile(`(?i)(passw|pwd|secret|key)[a-z_]*=[^/$]`).MatchString),
	} {
		if found {
			faults = append(faults, s.Name+" "+fault)
		}
	}
	return faults
}

// said is the environment that the file itself holds.
func said(s types.ServiceConfig) (all []string) {
	for name, value := range s.Environment {
		if value != nil && !strings.HasPrefix(*value, "file:") {
			all = append(all, name+"="+*value)
		}
	}
	return all
}

// TestFleetIsConfined: no container may write, be root or get rights; images are named by exact versions.
func TestFleetIsConfined(t *testing.T) {
	t.Parallel()
	p := fleet(t)
	for _, s := range p.Services {
		require.Empty(t, loose(s))
	}
	for fault, loosen := range map[string]func(*types.ServiceConfig){
		"image moves":            func(s *types.ServiceConfig) { s.Image = "verigate:latest" },
		"writes to its own root": func(s *types.ServiceConfig) { s.ReadOnly = false },
		"keeps capabilities":     func(s *types.ServiceConfig) { s.CapDrop = nil },
		"may get more rights":    func(s *types.ServiceConfig) { s.SecurityOpt = nil },
		"may be root":            func(s *types.ServiceConfig) { s.User = "" },
		"is not looked at":       func(s *types.ServiceConfig) { s.HealthCheck = nil },
		"adds a capability":      func(s *types.ServiceConfig) { s.CapAdd = []string{"SYS_ADMIN"} },
		"mounts the host":        func(s *types.ServiceConfig) { s.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind}} },
		"says a secret": func(s *types.ServiceConfig) {
			word := "hunter2"
			s.Environment = types.MappingWithEquals{"POSTGRES_PASSWORD": &word}
		},
	} {
		s := p.Services["api-1"]
		loosen(&s)
		require.Equal(t, []string{"api-1 " + fault}, loose(s))
	}
}

// TestFleetFiles: every file that the compose file brings is there, and every secret is used and stays out of the history.
func TestFleetFiles(t *testing.T) {
	t.Parallel()
	p := fleet(t)
	for name, c := range p.Configs {
		require.FileExists(t, c.File, name)
	}
	used := map[string]bool{}
	for _, s := range p.Services {
		for _, secret := range s.Secrets {
			used[secret.Source] = true
		}
		for _, text := range slices.Concat(s.Entrypoint, s.Command, said(s)) {
			for _, m := range regexp.MustCompile(mount+`([a-z-]+)`).FindAllStringSubmatch(text, -1) {
				require.True(t, given(s, m[1]), "%s reads %s and is not given it", s.Name, m[1])
			}
		}
		for _, c := range s.Configs {
			for _, m := range regexp.MustCompile(mount+`([a-z-]+)`).FindAllStringSubmatch(read(t, p.Configs[c.Source].File), -1) {
				require.True(t, given(s, m[1]), "%s of %s names %s, which it is not given", c.Source, s.Name, m[1])
			}
		}
	}
	require.Len(t, used, len(p.Secrets))
	how := read(t, "../../docs/deployment.md")
	for name, s := range p.Secrets {
		require.Equal(t, "secrets/"+name, strings.TrimPrefix(s.File, p.WorkingDir+"/"))
		require.Contains(t, how, name, "docs/deployment.md does not say how it is made")
	}
	require.Contains(t, read(t, "../../.gitignore"), "/deploy/secrets/\n")
}

func given(s types.ServiceConfig, secret string) bool {
	return slices.ContainsFunc(s.Secrets, func(c types.ServiceSecretConfig) bool { return c.Source == secret })
}

// TestFleetOrder: nothing serves before the migration is done, and the owners' passwords are where they are needed only.
func TestFleetOrder(t *testing.T) {
	t.Parallel()
	p := fleet(t)
	for _, name := range []string{"api-1", "api-2", "worker-1", "worker-2"} {
		s := p.Services[name]
		require.Equal(t, types.ServiceConditionCompletedSuccessfully, s.DependsOn["migrate"].Condition, name)
		require.Equal(t, types.HealthCheckTest{"CMD", "/verigate", "health", "--url", "http://127.0.0.1:9464"}, s.HealthCheck.Test)
		require.False(t, given(s, "store-owner-url") || given(s, "keys-owner-url"), name)
		require.NotContains(t, s.Environment, "VERIGATE_URL", "commands that are run in the container ask the API")
		require.Contains(t, read(t, p.Configs["verigate"].File), "listen: 0.0.0.0:9464\n")
		_, edge := s.Networks["edge"]
		require.Equal(t, strings.HasPrefix(name, "api"), edge, "the network whose callers are believed: %s", name)
	}
	for _, secret := range []string{"vault-keyset", "link-keys", "receipt-keys", "store-url", "keys-url"} {
		require.False(t, given(p.Services["migrate"], secret), secret)
	}
	for name, s := range p.Services {
		require.Equal(t, name == "proxy", len(s.Ports) > 0, "%s is reached from outside", name)
	}
	require.True(t, bool(p.Networks["inside"].Internal))
	require.Contains(t, read(t, p.Configs["verigate"].File), "trusted_proxies: ["+p.Networks["edge"].Ipam.Config[0].Subnet+"]\n")
}

// TestFleetSettings: the program takes the settings of the fleet, and those of its migration.
func TestFleetSettings(t *testing.T) {
	t.Parallel()
	binary(t)
	p := fleet(t)
	for _, name := range []string{"api-1", "worker-1", "migrate"} {
		var env []string
		for key, value := range p.Services[name].Environment {
			env = append(env, key+"="+*value)
		}
		if name == "migrate" {
			requireMigrates(t, env, p.Services[name].Command...)
			continue
		}
		requireAccepted(t, read(t, p.Configs["verigate"].File), env...)
		require.Equal(t, "/etc/verigate.yaml", p.Services[name].Configs[0].Target)
		require.Equal(t, []string{"--config", "/etc/verigate.yaml"}, []string(p.Services[name].Command[1:]))
	}
}

// TestTemporalIsTheOneThatIsTested: the images are of the version that go.mod pins, which the end-to-end tests run on.
func TestTemporalIsTheOneThatIsTested(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`(?m)^\tgo\.temporal\.io/server v(\S+)`).FindStringSubmatch(read(t, "../../go.mod"))
	require.NotNil(t, version)
	p := fleet(t)
	for name, image := range map[string]string{"temporal": "server", "temporal-schema": "admin-tools", "temporal-visibility-schema": "admin-tools"} {
		require.Equal(t, fmt.Sprintf("temporalio/%s:%s", image, version[1]), p.Services[name].Image)
	}
}

// TestFleetAsks: without the version and the name nothing is started.
func TestFleetAsks(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs(composeFile)
	require.NoError(t, err)
	_, err = loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: filepath.Dir(file), ConfigFiles: []types.ConfigFile{{Filename: file}}, Environment: types.Mapping{},
	})
	require.ErrorContains(t, err, "VERIGATE_")
}
