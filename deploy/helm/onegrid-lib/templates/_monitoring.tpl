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
{{- $rules := .root.Files.Get "files/rules.yaml"
  | replace "namespace!=\"\"" (printf "namespace=%q" .root.Release.Namespace)
  | replace "release!=\"\"" (printf "release=%q" .root.Release.Name)
  | replace "namespace=~\".+\"" (printf "namespace=%q" (include "onegrid.brokerNamespace" .)) }}
{{- with .platform.monitoring.runbooks }}
{{- $rules = $rules | replace "runbook_url: docs/runbooks/" (printf "runbook_url: %s/" (trimSuffix "/" .)) }}
{{- end }}
{{- if and .platform.monitoring.operator (not $rules) }}
{{- fail (printf "the chart %s has no rules and no dashboards, as it was not packaged: take a release, or `make charts`" .name) }}
{{- end }}
{{- if and $rules (or .platform.monitoring.disabledRules .platform.monitoring.tier) }}
{{- $rules = include "onegrid.enabledRules" (dict "rules" $rules "disabled" .platform.monitoring.disabledRules "tier" .platform.monitoring.tier) }}
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

{{- /* Each database has one leader. A tier stands by for its district's: alerts that ask for one would never end. */}}
{{- define "onegrid.enabledRules" -}}
{{- $groups := list }}
{{- range (fromYaml .rules).groups }}
{{- $kept := list }}
{{- $asksForLeader := hasSuffix "-leases" .name }}
{{- range .rules }}
{{- if not (or (and $.tier $asksForLeader) (has .alert $.disabled)) }}{{ $kept = append $kept . }}{{ end }}
{{- end }}
{{- if $kept }}{{ $groups = append $groups (set . "rules" $kept) }}{{ end }}
{{- end }}
{{- dict "groups" $groups | toYaml }}
{{- end }}

{{- /* Each release has dashboards of its own, which begin with it: of two with one uid, or one file, Grafana would keep
one, and lose both with the first release that goes. */}}
{{- define "onegrid.dashboard" }}
{{- $release := printf "%s/%s" .root.Release.Namespace .root.Release.Name }}
{{- $runbooks := trimSuffix "/" .platform.monitoring.runbooks }}
{{- $own := dict "namespace" .root.Release.Namespace "release" .root.Release.Name "broker" (include "onegrid.brokerNamespace" .) }}
{{- $board := fromJson .dashboard }}
{{- $_ := set $board "uid" (printf "%s-%s" $board.uid (sha256sum $release | trunc 8)) }}
{{- $_ = set $board "title" (printf "%s · %s" $board.title $release) }}
{{- range $board.templating.list }}
{{- if and (hasKey $own .name) (not .includeAll) }}
{{- $_ = set . "current" (dict "selected" true "text" (get $own .name) "value" (get $own .name)) }}
{{- end }}
{{- end }}
{{- range $board.panels }}
{{- if not $runbooks }}{{ $_ = unset . "links" }}{{ end }}
{{- range .links }}{{ $_ = set . "url" (replace "docs/runbooks" $runbooks .url) }}{{ end }}
{{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "onegrid.prefix" . }}-{{ .title }}-dashboard
  labels: {{- include "onegrid.labels" . | nindent 4 }}
    grafana_dashboard: "1"
data:
  {{ replace "/" "-" $release }}-{{ .title }}.json: | {{- toPrettyJson $board | nindent 4 }}
{{- end }}

{{- define "onegrid.brokerNamespace" -}}
{{ default .root.Release.Namespace .platform.monitoring.brokerNamespace }}
{{- end }}
