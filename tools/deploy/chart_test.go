package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

const chartDir = "../../deploy/helm/verigate"

// valueSets are the values that the chart is tried with, by name.
func valueSets(t *testing.T) map[string]chartutil.Values {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	sets := map[string]chartutil.Values{}
	for _, file := range files {
		values, err := chartutil.ReadValuesFile(file)
		require.NoError(t, err, file)
		sets[strings.TrimSuffix(path.Base(file), ".yaml")] = values
	}
	return sets
}

// render returns the chart's files, by the names of their templates.
func render(t *testing.T, values chartutil.Values) (map[string]string, error) {
	t.Helper()
	c, err := loader.Load(chartDir)
	require.NoError(t, err)
	all, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{
		Name: "shop", Namespace: "identity", Revision: 1, IsInstall: true,
	}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// objects decodes what was rendered into the types of Kubernetes; what these do not know is an error.
func objects(t *testing.T, rendered map[string]string) []runtime.Object {
	t.Helper()
	known := runtime.NewScheme()
	require.NoError(t, scheme.AddToScheme(known))
	require.NoError(t, monitoring.AddToScheme(known))
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	var all []runtime.Object
	for name, text := range rendered {
		if path.Ext(name) != ".yaml" {
			continue
		}
		documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, name)
			if empty(document) {
				continue
			}
			object, _, err := decoder.Decode(document, nil, nil)
			require.NoError(t, err, "%s:\n%s", name, document)
			all = append(all, object)
		}
	}
	return all
}

// empty reports whether a document holds comments and nothing else.
func empty(document []byte) bool {
	for line := range bytes.Lines(document) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("#")) && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

// only returns the objects of one type.
func only[T runtime.Object](all []runtime.Object) (of []T) {
	for _, o := range all {
		if o, ok := o.(T); ok {
			of = append(of, o)
		}
	}
	return of
}

// named returns the one object of a type with that end of its name.
func named[T interface {
	runtime.Object
	GetName() string
}](t *testing.T, all []runtime.Object, end string) T {
	t.Helper()
	of := slices.DeleteFunc(only[T](all), func(o T) bool { return !strings.HasSuffix(o.GetName(), end) })
	require.Len(t, of, 1, end)
	return of[0]
}

// pods are the templates of all pods, by the name of what makes them.
func pods(all []runtime.Object) map[string]core.PodTemplateSpec {
	found := map[string]core.PodTemplateSpec{}
	for _, d := range only[*apps.Deployment](all) {
		found[d.Name] = d.Spec.Template
	}
	for _, j := range only[*batch.Job](all) {
		found[j.Name] = j.Spec.Template
	}
	return found
}

// eachSet renders every set of values for a test.
func eachSet(t *testing.T, try func(t *testing.T, values chartutil.Values, all []runtime.Object)) {
	t.Helper()
	for name, values := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered, err := render(t, values)
			require.NoError(t, err)
			try(t, values, objects(t, rendered))
		})
	}
}

// TestLint: Helm's own linter has nothing to say.
func TestLint(t *testing.T) {
	t.Parallel()
	for name, values := range valueSets(t) {
		for _, m := range lint.All(chartDir, values, "identity", true).Messages {
			require.Less(t, m.Severity, support.WarningSev, "%s: %s", name, m)
		}
	}
}

// TestRenders: every value set gives what it is to give, and nothing that Kubernetes would not read.
func TestRenders(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"minimal":    {"ConfigMap 1", "Deployment 2", "Job 1", "NetworkPolicy 2", "PodDisruptionBudget 2", "Service 2", "ServiceAccount 1"},
		"cloud":      {"ConfigMap 1", "Deployment 2", "Job 1", "PodDisruptionBudget 2", "Service 2", "ServiceAccount 1"},
		"everything": {"ConfigMap 2", "Deployment 4", "HorizontalPodAutoscaler 1", "Ingress 1", "Job 1", "NetworkPolicy 3", "PodDisruptionBudget 3", "PrometheusRule 1", "Service 2", "ServiceAccount 1", "ServiceMonitor 1"},
	}
	for name, values := range valueSets(t) {
		rendered, err := render(t, values)
		require.NoError(t, err)
		require.Equal(t, want[name], counted(objects(t, rendered)), name)
	}
}

// TestStrict: a field that Kubernetes does not know is found.
func TestStrict(t *testing.T) {
	t.Parallel()
	rendered, err := render(t, valueSets(t)["minimal"])
	require.NoError(t, err)
	text := rendered["verigate/templates/api.yaml"]
	require.Contains(t, text, "maxSurge:")
	known := runtime.NewScheme()
	require.NoError(t, scheme.AddToScheme(known))
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	_, _, err = decoder.Decode([]byte(strings.Replace(text, "maxSurge:", "maxSurges:", 1)), nil, nil)
	require.ErrorContains(t, err, "maxSurges")
}

// counted is how many objects there are of each kind.
func counted(all []runtime.Object) (kinds []string) {
	counts := map[string]int{}
	for _, o := range all {
		counts[o.GetObjectKind().GroupVersionKind().Kind]++
	}
	for kind, n := range counts {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, n))
	}
	slices.Sort(kinds)
	return kinds
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}
