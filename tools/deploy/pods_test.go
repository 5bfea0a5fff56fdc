package deploy

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chartutil"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	security "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// restricted says what the profile "restricted" of Kubernetes' pod security standards has against a pod.
func restricted(t *testing.T, pod core.PodTemplateSpec) string {
	t.Helper()
	judge, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	level := security.LevelVersion{Level: security.LevelRestricted, Version: security.LatestVersion()}
	verdict := policy.AggregateCheckResults(judge.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	if verdict.Allowed {
		return ""
	}
	return verdict.ForbiddenReason() + ": " + verdict.ForbiddenDetail()
}

// TestRestricted: no pod may do more than the profile "restricted" lets it, and none writes to its own file system or has
// a token of Kubernetes.
func TestRestricted(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, _ chartutil.Values, all []runtime.Object) {
		require.NotEmpty(t, pods(all))
		for name, pod := range pods(all) {
			require.Empty(t, restricted(t, pod), name)
			require.False(t, *pod.Spec.AutomountServiceAccountToken, name)
			require.False(t, *pod.Spec.EnableServiceLinks, name)
			for _, c := range pod.Spec.Containers {
				require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, name)
				require.NotContains(t, c.Image, "latest", name)
				require.NotNil(t, c.Resources.Limits.Memory(), name)
			}
			broken := *pod.DeepCopy()
			broken.Spec.SecurityContext.SeccompProfile = nil
			require.Contains(t, restricted(t, broken), "seccompProfile")
		}
	})
}

// TestPodsHoldTogether: whatever a pod or a service names is there.
func TestPodsHoldTogether(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, _ chartutil.Values, all []runtime.Object) {
		for name, pod := range pods(all) {
			var volumes []string
			for _, v := range pod.Spec.Volumes {
				volumes = append(volumes, v.Name)
				if v.ConfigMap != nil {
					require.True(t, slices.ContainsFunc(only[*core.ConfigMap](all), func(c *core.ConfigMap) bool { return c.Name == v.ConfigMap.Name }), name)
				}
			}
			var mounted []string
			for _, c := range pod.Spec.Containers {
				for _, m := range c.VolumeMounts {
					mounted = append(mounted, m.Name)
				}
				for _, p := range []*core.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
					if p != nil {
						require.True(t, hasPort(pod, p.HTTPGet.Port.StrVal), name)
					}
				}
			}
			require.ElementsMatch(t, volumes, mounted, name)
			for key, value := range pod.Labels {
				require.Empty(t, validation.IsQualifiedName(key), name)
				require.Empty(t, validation.IsValidLabelValue(value), name)
			}
		}
		for _, d := range only[*apps.Deployment](all) {
			selector := labels.SelectorFromSet(d.Spec.Selector.MatchLabels)
			for name, pod := range pods(all) {
				require.Equal(t, name == d.Name, selector.Matches(labels.Set(pod.Labels)), "%s and the pods of %s", d.Name, name)
			}
		}
		for name, pod := range pods(all) {
			budgets, closed := 0, 0
			for _, b := range only[*policyv1.PodDisruptionBudget](all) {
				if labels.SelectorFromSet(b.Spec.Selector.MatchLabels).Matches(labels.Set(pod.Labels)) {
					budgets++
				}
			}
			for _, n := range only[*networking.NetworkPolicy](all) {
				if labels.SelectorFromSet(n.Spec.PodSelector.MatchLabels).Matches(labels.Set(pod.Labels)) {
					closed++
				}
			}
			serves := !strings.HasSuffix(name, "-migrate")
			require.Equal(t, serves, budgets == 1, name)
			require.Equal(t, serves && len(only[*networking.NetworkPolicy](all)) > 0, closed == 1, name)
		}
		for _, s := range only[*core.Service](all) {
			require.Empty(t, validation.IsDNS1035Label(s.Name))
			selector := labels.SelectorFromSet(s.Spec.Selector)
			behind := 0
			for name, pod := range pods(all) {
				if strings.HasSuffix(name, "-migrate") || !selector.Matches(labels.Set(pod.Labels)) {
					continue
				}
				behind++
				for _, p := range s.Spec.Ports {
					require.True(t, hasPort(pod, p.TargetPort.StrVal), "%s leads to port %s of %s", s.Name, p.TargetPort.StrVal, name)
				}
			}
			require.Positive(t, behind, "%s leads nowhere", s.Name)
		}
	})
}

func hasPort(pod core.PodTemplateSpec, name string) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c core.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return p.Name == name })
	})
}

// TestStopsInTime: Kubernetes waits for longer than the program takes to serve on and to stop.
func TestStopsInTime(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, values chartutil.Values, all []runtime.Object) {
		stop, drain := int64(10), int64(5)
		if v, ok := values["shutdownSeconds"].(float64); ok {
			stop = int64(v)
		}
		if v, ok := values["drainSeconds"].(float64); ok {
			drain = int64(v)
		}
		for name, pod := range pods(all) {
			if strings.HasSuffix(name, "-migrate") {
				continue
			}
			var slept int64
			if l := pod.Spec.Containers[0].Lifecycle; l != nil {
				slept = l.PreStop.Sleep.Seconds
			}
			if strings.HasSuffix(name, "-api") {
				require.Equal(t, drain, slept)
			}
			require.Greater(t, *pod.Spec.TerminationGracePeriodSeconds, slept+stop, name)
		}
	})
}

// TestOwnersMigrateOnly: the passwords of the tables' owners are in no pod but the one that migrates, which in turn is not
// given the keys of personal data.
func TestOwnersMigrateOnly(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, values chartutil.Values, all []runtime.Object) {
		for name, pod := range pods(all) {
			migrates := strings.HasSuffix(name, "-migrate")
			for _, v := range pod.Spec.Volumes {
				if v.Secret == nil {
					continue
				}
				require.Equal(t, migrates && v.Name == "owner", v.Secret.SecretName == "verigate-owner", name)
				if migrates && v.Secret.SecretName == "verigate" {
					for _, item := range v.Secret.Items {
						require.Contains(t, []string{"codec-keyset", "temporal-api-key"}, item.Key)
					}
					require.NotEmpty(t, v.Secret.Items, "no item would be all of them")
				}
			}
		}
		require.Empty(t, only[*core.Secret](all), "secrets are made elsewhere")
		job := only[*batch.Job](all)[0]
		require.Equal(t, "pre-install,pre-upgrade", job.Annotations["helm.sh/hook"])
	})
}

// TestWorkerVersion: what names a build is in the worker's environment where it is said, and nowhere else.
func TestWorkerVersion(t *testing.T) {
	t.Parallel()
	eachSet(t, func(t *testing.T, values chartutil.Values, all []runtime.Object) {
		said, _ := values["worker"].(map[string]any)
		for name, pod := range pods(all) {
			got := map[string]string{}
			for _, e := range pod.Spec.Containers[0].Env {
				if strings.HasPrefix(e.Name, "VERIGATE_WORKER_") {
					got[e.Name] = e.Value
				}
			}
			if !strings.HasPrefix(pod.Labels["app.kubernetes.io/component"], "worker") || said["buildId"] == nil {
				require.Empty(t, got, name)
				continue
			}
			build := "1.2.3" // its image is named by digest
			if !strings.HasSuffix(name, "-worker") {
				_, build, _ = strings.Cut(pod.Spec.Containers[0].Image, ":")
			}
			require.Equal(t, map[string]string{"VERIGATE_WORKER_DEPLOYMENT": "shop", "VERIGATE_WORKER_BUILD_ID": build + "+amd64"}, got)
		}
	})
}

// TestImages: a component may be held back at a tag of its own; the rest runs what was named by digest, or by tag.
func TestImages(t *testing.T) {
	t.Parallel()
	want := map[string][3]string{ // api, worker, migrate
		"minimal": {"registry.example.com/verigate:1.2.3", "registry.example.com/verigate:1.2.3", "registry.example.com/verigate:1.2.3"},
		"cloud":   {"registry.example.com/verigate:1.2.3", "registry.example.com/verigate:1.2.3", "registry.example.com/verigate:1.2.3"},
	}
	digest := "registry.example.com/shop/verigate@sha256:" + strings.Repeat("0123456789abcdef", 4)
	want["everything"] = [3]string{"registry.example.com/shop/verigate:1.2.2", digest, digest}
	for name, values := range valueSets(t) {
		rendered, err := render(t, values)
		require.NoError(t, err)
		all := pods(objects(t, rendered))
		for i, end := range []string{"api", "worker", "migrate"} {
			require.Equal(t, want[name][i], all["shop-verigate-"+end].Spec.Containers[0].Image, name)
		}
	}
}
