{{- /* The settings that are no secrets, as a map, the user's own before ours. docs/settings.md lists what there is. */}}
{{- define "onegrid.settings" -}}
{{ mergeOverwrite (include "onegrid.ownSettings" . | fromYaml) .values.env | toYaml }}
{{- end }}

{{- define "onegrid.ownSettings" -}}
ONEGRID_LISTEN: "[::]:50051"
{{- if .values.http.enabled }}
ONEGRID_HTTP_LISTEN: "[::]:8080"
{{- with .values.http.proxies | default (empty .values.http.route.host | ternary 0 .platform.gateway.proxies) }}
ONEGRID_HTTP_FORWARDING_PROXIES: {{ . | quote }}
{{- end }}
{{- $host := .values.http.ingress.host | default .values.http.route.host }}
{{- with .values.http.url | default (empty $host | ternary "" (printf "https://%s" $host)) }}
ONEGRID_HTTP_URL: {{ . | quote }}
{{- end }}
{{- end }}
{{- if and (include "onegrid.routed" .) (not .platform.gateway.passthrough) }}
ONEGRID_FORWARDING_PROXIES: {{ .platform.gateway.proxies | quote }}
{{- end }}
ONEGRID_REUSE_PORT: "false"
ONEGRID_METRICS_PORT: "9464"
ONEGRID_IDENTITY_TARGET: dns:///{{ .platform.identity | default (printf "%s:50051" (include "onegrid.fullname" (dict "root" .root "platform" .platform "name" "identity"))) }}
ONEGRID_DATABASE_POOL: {{ .values.databasePool.commands | quote }}
ONEGRID_DATABASE_READ_POOL: {{ .values.databasePool.reads | quote }}
{{- if .platform.network.policies }}
# Nobody sees in a Secret's URLs where the policies have to let them through.
ONEGRID_DATABASE_PORT: {{ .platform.database.port | quote }}
ONEGRID_AMQP_PORT: {{ .platform.broker.port | quote }}
{{- end }}
ONEGRID_DRAIN_PAUSE_S: {{ .platform.drain.pauseSeconds | quote }}
ONEGRID_DRAIN_GRACE_S: {{ .platform.drain.graceSeconds | quote }}
ONEGRID_LOG_LEVEL: {{ .platform.logLevel }}
ONEGRID_OTLP_ENDPOINT: {{ .platform.tracing.endpoint | quote }}
{{- with .platform.tracing.authority }}
ONEGRID_OTLP_CA: {{ . }}
{{- end }}
ONEGRID_TRACE_RATIO: {{ .platform.tracing.ratio | quote }}
{{- if .platform.tls.enabled }}
ONEGRID_HEALTH_LISTEN: "[::]:50052"
ONEGRID_TLS_CERTIFICATE: /etc/onegrid/tls/tls.crt
ONEGRID_TLS_KEY: /etc/onegrid/tls/tls.key
ONEGRID_TLS_CA: /etc/onegrid/tls/ca.crt
{{- if .platform.tls.mutual }}
ONEGRID_TLS_CLIENT_CA: /etc/onegrid/tls/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{- define "onegrid.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.labels" . | nindent 4 }}
data: {{- include "onegrid.settings" . | nindent 2 }}
{{- end }}

{{- /* The secrets, as a container's env: complete URLs, or URLs without an account, and users and passwords. */}}
{{- define "onegrid.secrets" -}}
{{ include "onegrid.url" (dict "of" .platform.database "prefix" "DATABASE" "key" .name "url" (include "onegrid.databaseUrl" .)) }}
{{ include "onegrid.url" (dict "of" .platform.broker "prefix" "AMQP" "key" .name "url" (include "onegrid.brokerUrl" .)) }}
- name: ONEGRID_PAGE_TOKEN_KEY
  valueFrom: {secretKeyRef: {name: {{ .platform.keysSecret }}, key: page-token-key}}
- name: ONEGRID_CIPHER_KEYS
  valueFrom: {secretKeyRef: {name: {{ .platform.keysSecret }}, key: cipher-keys}}
{{- with .platform.tracing }}
{{- if .headersSecret }}
- name: ONEGRID_OTLP_HEADERS
  valueFrom: {secretKeyRef: {name: {{ .headersSecret }}, key: {{ .headersKey }}}}
{{- end }}
{{- end }}
{{- range $name, $from := .values.secretEnv }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $from.secret }}, key: {{ $from.key }}}}
{{- end }}
{{- end }}

{{- define "onegrid.url" -}}
{{- if .of.host -}}
- name: ONEGRID_{{ .prefix }}_USER
{{- if .of.user }}
  value: {{ .of.user | quote }}
{{- else }}
  valueFrom: {secretKeyRef: {name: {{ .of.secret }}, key: {{ .of.userKey }}}}
{{- end }}
- name: ONEGRID_{{ .prefix }}_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .of.secret }}, key: {{ .of.passwordKey }}}}
- name: ONEGRID_{{ .prefix }}_URL
  value: {{ .url }}
{{- else -}}
- name: ONEGRID_{{ .prefix }}_URL
  valueFrom: {secretKeyRef: {name: {{ .of.secret }}, key: {{ .key }}}}
{{- end }}
{{- end }}

{{- define "onegrid.databaseUrl" -}}
{{- $name := .name }}
{{- with .platform.database -}}
postgresql://{{ .host }}:{{ .port }}/{{ $name }}
{{- with .sslmode | default (empty .caSecret | ternary "" "verify-full") }}?sslmode={{ . }}{{ end }}
{{- if .caSecret }}&sslrootcert=/etc/onegrid/authorities/database.crt{{ end }}
{{- end }}
{{- end }}

{{- define "onegrid.brokerUrl" -}}
{{- with .platform.broker -}}
{{ ternary "amqps" "amqp" .tls }}://{{ .host }}:{{ .port }}/{{ .vhost | replace "/" "%2F" }}
{{- if .caSecret }}?cafile=/etc/onegrid/authorities/broker.crt{{ end }}
{{- end }}
{{- end }}
