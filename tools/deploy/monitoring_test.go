package deploy

import (
	"strconv"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// TestAlerts: the chart's rules are those of deploy/alerts.yml, whole and unaltered.
func TestAlerts(t *testing.T) {
	t.Parallel()
	rendered, err := render(t, valueSets(t)["everything"])
	require.NoError(t, err)
	all := objects(t, rendered)
	var want monitoring.PrometheusRuleSpec
	require.NoError(t, yaml.UnmarshalStrict([]byte(read(t, "../../deploy/alerts.yml")), &want))
	require.Greater(t, len(want.Groups[0].Rules), 5)
	require.Equal(t, want, only[*monitoring.PrometheusRule](all)[0].Spec)
	dashboard := named[*core.ConfigMap](t, all, "-dashboard").Data["verigate.json"]
	require.JSONEq(t, read(t, "../../deploy/grafana-dashboard.json"), dashboard)
}

// TestMonitored: Prometheus is led to the address that serves /metrics, of API and workers alike.
func TestMonitored(t *testing.T) {
	t.Parallel()
	rendered, err := render(t, valueSets(t)["everything"])
	require.NoError(t, err)
	all := objects(t, rendered)
	monitor := only[*monitoring.ServiceMonitor](all)[0]
	selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
	require.NoError(t, err)
	var watched []*core.Service
	for _, s := range only[*core.Service](all) {
		if selector.Matches(labels.Set(s.Labels)) {
			watched = append(watched, s)
		}
	}
	require.Len(t, watched, 1)
	endpoint, port := monitor.Spec.Endpoints[0], watched[0].Spec.Ports[0]
	require.Equal(t, "/metrics", endpoint.Path)
	require.Equal(t, port.Name, endpoint.Port)

	var settings struct {
		HTTP      struct{ Metrics bool }
		Telemetry struct{ Listen string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(named[*core.ConfigMap](t, all, "shop-verigate").Data["verigate.yaml"]), &settings))
	require.False(t, settings.HTTP.Metrics, "the Service and the Ingress lead to the API")
	for _, end := range []string{"-api", "-worker"} {
		pod := pods(all)["shop-verigate"+end]
		require.True(t, labels.SelectorFromSet(watched[0].Spec.Selector).Matches(labels.Set(pod.Labels)))
		var number int32
		for _, p := range pod.Spec.Containers[0].Ports {
			if p.Name == port.TargetPort.StrVal {
				number = p.ContainerPort
			}
		}
		require.Equal(t, settings.Telemetry.Listen, "0.0.0.0:"+strconv.Itoa(int(number)))
	}
}
