{{- define "verigate.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "verigate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "verigate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "verigate.selector" . }}
app.kubernetes.io/part-of: verigate
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Takes a list: the chart, and a tag that is preferred to image.tag. */ -}}
{{- define "verigate.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $tag := index . 1 | default $image.tag -}}
{{- if and $image.digest (not (index . 1)) -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ required "image.tag or image.digest must say which build runs" $tag }}
{{- end -}}
{{- end }}

{{- define "verigate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "verigate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "verigate.pull" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The settings of Temporal, as in verigate.yaml. Secrets lie where verigate.mounts puts them. */ -}}
{{- define "verigate.temporal" -}}
{{- $t := .Values.temporal -}}
address: {{ $t.address | quote }}
namespace: {{ $t.namespace | quote }}
{{- if $t.apiKey }}
api_key: file:/run/secrets/verigate/temporal-api-key
{{- end }}
{{- if $t.tls.enabled }}
tls: true
{{- if $t.tls.clientCertificate }}
tls_cert_file: /run/secrets/temporal/tls.crt
tls_key_file: /run/secrets/temporal/tls.key
{{- end }}
{{- if $t.tls.ca }}
tls_ca_file: /run/secrets/temporal/ca.crt
{{- end }}
{{- with $t.tls.serverName }}
tls_server_name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What this chart says in verigate.yaml. */ -}}
{{- define "verigate.managed" -}}
http:
  listen: 0.0.0.0:8080
  public_url: {{ .Values.publicURL | quote }}
  shutdown_timeout: {{ .Values.shutdownSeconds }}s
  metrics: false
{{- if .Values.tls.secretName }}
  tls:
    cert_file: /run/secrets/tls/tls.crt
    key_file: /run/secrets/tls/tls.key
{{- end }}
store:
  driver: postgres
  url: file:/run/secrets/verigate/store-url
  migrate: false
vault:
  keys_url: file:/run/secrets/verigate/keys-url
secrets:
  vault_keyset: file:/run/secrets/verigate/vault-keyset
  codec_keyset: file:/run/secrets/verigate/codec-keyset
  link_keys: file:/run/secrets/verigate/link-keys
  receipt_keys: file:/run/secrets/verigate/receipt-keys
temporal: {{- include "verigate.temporal" . | nindent 2 }}
worker:
  in_process: false
telemetry:
  listen: 0.0.0.0:9464
{{- end }}

{{- define "verigate.settings" -}}
{{- $managed := include "verigate.managed" . | fromYaml -}}
{{- $given := .Values.config -}}
{{- range $section, $settings := $managed -}}
{{- range $name, $value := $settings -}}
{{- if hasKey (get $given $section | default dict) $name -}}
{{- fail (printf "config.%s.%s is written by this chart: leave it out" $section $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $http := $given.http | default dict -}}
{{- if hasKey $http "drain" -}}
{{- fail "config.http.drain: this chart has a pod go on for drainSeconds before it is stopped; leave it out" -}}
{{- end -}}
{{- if not (or .Values.tls.secretName $http.trusted_proxies $http.allow_clear) -}}
{{- fail "the API is reached from other machines: set tls.secretName, or name the networks of the proxies that speak TLS in config.http.trusted_proxies" -}}
{{- end -}}
{{- mustMergeOverwrite (deepCopy $given) $managed | toYaml -}}
{{- end }}

{{- /* Both Deployments' pods. Takes a dict: chart, component, values (of the component), command. */ -}}
{{- define "verigate.pod" -}}
{{- $root := .chart -}}
metadata:
  labels:
    # Without the chart's version: a new one is no reason for new pods.
    {{- include "verigate.selector" $root | nindent 4 }}
    app.kubernetes.io/part-of: verigate
    app.kubernetes.io/component: {{ .component }}
    {{- with .workers }}
    verigate/workers: {{ . }}
    {{- end }}
    {{- with .values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # New settings come with new pods.
    verigate/settings: {{ include "verigate.settings" $root | sha256sum }}
    {{- with .values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "verigate.name" $root }}
  automountServiceAccountToken: false
  # A Service called verigate-temporal would set VERIGATE_TEMPORAL_PORT, which is a setting of the program.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add $root.Values.drainSeconds $root.Values.shutdownSeconds 5 }}
  securityContext: {{- include "verigate.podSecurity" $root | nindent 4 }}
  {{- include "verigate.pull" $root | nindent 2 }}
  {{- with .values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels:
          {{- include "verigate.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.component }}
          {{- with $.workers }}
          verigate/workers: {{ . }}
          {{- end }}
    {{- end }}
  {{- with .values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "verigate.image" (list $root .values.imageTag) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [{{ .command }}, --config, /etc/verigate/verigate.yaml]
      {{- if or .variables .values.env }}
      env:
        {{- range .variables }}
        {{- if .value }}
        - name: {{ .name }}
          value: {{ .value | quote }}
        {{- end }}
        {{- end }}
        {{- with .values.env }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- end }}
      ports:
        {{- if eq .component "api" }}
        - {name: api, containerPort: 8080}
        {{- end }}
        - {name: telemetry, containerPort: 9464}
      # Both are asked besides the API: a full house there must not look like a dead process.
      startupProbe:
        httpGet: {path: /healthz, port: telemetry}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: telemetry}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: telemetry}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if and $root.Values.drainSeconds (eq .component "api") }}
      lifecycle:
        preStop: {sleep: {seconds: {{ $root.Values.drainSeconds }}}}
      {{- end }}
      resources: {{- toYaml .values.resources | nindent 8 }}
      securityContext: {{- include "verigate.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - {name: settings, mountPath: /etc/verigate, readOnly: true}
        - {name: secrets, mountPath: /run/secrets/verigate, readOnly: true}
        {{- if and $root.Values.tls.secretName (eq .component "api") }}
        - {name: tls, mountPath: /run/secrets/tls, readOnly: true}
        {{- end }}
        {{- if $root.Values.temporal.tls.secretName }}
        - {name: temporal, mountPath: /run/secrets/temporal, readOnly: true}
        {{- end }}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: settings
      configMap: {name: {{ include "verigate.name" $root }}}
    - name: secrets
      secret: {secretName: {{ $root.Values.secretName }}, defaultMode: 0440}
    {{- if and $root.Values.tls.secretName (eq .component "api") }}
    - name: tls
      secret: {secretName: {{ $root.Values.tls.secretName }}, defaultMode: 0440}
    {{- end }}
    {{- with $root.Values.temporal.tls.secretName }}
    - name: temporal
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    # Campaign reports wait there while they are packed.
    - name: tmp
      emptyDir: {sizeLimit: 512Mi}
{{- end }}
