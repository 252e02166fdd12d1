{{- define "onegrid.monitoring" -}}
{{- if .platform.monitoring.operator }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.monitoringLabels" . | nindent 4 }}
spec:
  selector:
    matchLabels: {{- include "onegrid.selector" (merge (dict "role" "api") .) | nindent 6 }}
  endpoints:
    # Our metrics name their service themselves.
    - port: metrics
      {{- with .platform.monitoring.interval }}
      interval: {{ . }}
      {{- end }}
      honorLabels: true
      relabelings: {{- include "onegrid.relabelings" . | nindent 8 }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.monitoringLabels" . | nindent 4 }}
spec:
  selector:
    matchLabels: {{- include "onegrid.selector" . | nindent 6 }}
    matchExpressions:
      - {key: app.kubernetes.io/component, operator: In, values: [worker, relay{{ if .values.sender.enabled }}, sender{{ end }}]}
  podMetricsEndpoints:
    - port: metrics
      {{- with .platform.monitoring.interval }}
      interval: {{ . }}
      {{- end }}
      honorLabels: true
      relabelings: {{- include "onegrid.relabelings" . | nindent 8 }}
{{- end }}
{{- include "onegrid.rules" . }}
{{- with .root.Files.Get "files/dashboard.json" }}
{{- include "onegrid.dashboard" (merge (dict "dashboard" . "title" $.name) $) }}
{{- end }}
{{- end }}

{{- /* One name in all installations: the operator's own would have the release's, or the namespace's, in it. */}}
{{- define "onegrid.relabelings" -}}
- {targetLabel: job, replacement: onegrid-{{ .name }}}
- {targetLabel: release, replacement: {{ .root.Release.Name }}}
{{- end }}

{{- define "onegrid.monitoringLabels" -}}
{{ include "onegrid.labels" . }}
{{- with .platform.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The chart's recording rules and alerts: for the operator, and as a ConfigMap for installations without it. They
are about any release as they are made; here about this one alone, so that they notice when nothing of it is there. */}}
{{- define "onegrid.rules" -}}
{{- $broker := default .root.Release.Namespace .platform.monitoring.brokerNamespace }}
{{- $rules := .root.Files.Get "files/rules.yaml"
  | replace "namespace!=\"\"" (printf "namespace=%q" .root.Release.Namespace)
  | replace "release!=\"\"" (printf "release=%q" .root.Release.Name)
  | replace "namespace=~\".+\"" (printf "namespace=%q" $broker) }}
{{- with .platform.monitoring.runbooks }}
{{- $rules = $rules | replace "runbook_url: docs/runbooks/" (printf "runbook_url: %s/" (trimSuffix "/" .)) }}
{{- end }}
{{- if and .platform.monitoring.operator (not $rules) }}
{{- fail (printf "the chart %s has no rules and no dashboards, as it was not packaged: take a release, or `make charts`" .name) }}
{{- end }}
{{- if and $rules .platform.monitoring.disabledRules }}
{{- $rules = include "onegrid.enabledRules" (dict "rules" $rules "disabled" .platform.monitoring.disabledRules) }}
{{- end }}
{{- if $rules }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .fullname }}-rules
  labels: {{- include "onegrid.labels" . | nindent 4 }}
data:
  {{ .name }}.yaml: | {{- $rules | nindent 4 }}
{{- if .platform.monitoring.operator }}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.monitoringLabels" . | nindent 4 }}
spec: {{- $rules | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "onegrid.enabledRules" -}}
{{- $groups := list }}
{{- range (fromYaml .rules).groups }}
{{- $kept := list }}
{{- range .rules }}
{{- if not (has .alert $.disabled) }}{{ $kept = append $kept . }}{{ end }}
{{- end }}
{{- if $kept }}{{ $groups = append $groups (set . "rules" $kept) }}{{ end }}
{{- end }}
{{- dict "groups" $groups | toYaml }}
{{- end }}

{{- define "onegrid.dashboard" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "onegrid.prefix" . }}-{{ .title }}-dashboard
  labels: {{- include "onegrid.labels" . | nindent 4 }}
    grafana_dashboard: "1"
data:
  {{ .title }}.json: | {{- .dashboard | nindent 4 }}
{{- end }}
