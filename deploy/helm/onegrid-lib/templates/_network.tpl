{{- define "onegrid.networkPolicies" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .fullname }}-api
  labels: {{- include "onegrid.labels" (merge (dict "role" "api") .) | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "onegrid.selector" (merge (dict "role" "api") .) | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports:
        - {port: grpc}
      from:
        - podSelector:
            matchLabels: {app.kubernetes.io/part-of: onegrid}
        {{- with .platform.network.clients }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with .values.api.loadBalancer }}
        {{- if .enabled }}
        {{- range .sourceRanges | default (list "0.0.0.0/0" "::/0") }}
        - ipBlock: {cidr: {{ . | quote }}}
        {{- end }}
        {{- end }}
        {{- end }}
    {{- if .platform.tls.enabled }}
    - ports:
        - {port: health}
    {{- end }}
    {{- if .values.http.enabled }}
    - ports:
        - {port: http}
      from:
        - podSelector:
            matchLabels: {app.kubernetes.io/part-of: onegrid}
        {{- range concat .platform.network.clients .values.http.clients }}
        - {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "onegrid.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - ports:
        - {port: metrics}
      {{- with .platform.network.scrapers }}
      from: {{- toYaml . | nindent 8 }}
      {{- end }}
  egress:
    {{- include "onegrid.storesEgress" . | nindent 4 }}
    {{- with .platform.identity }}
    - ports:
        - {port: {{ include "onegrid.port" (printf "//%s" .) }}}
    {{- else }}
    - ports:
        - {port: 50051}
      to:
        - podSelector:
            matchLabels:
              app.kubernetes.io/name: identity
              app.kubernetes.io/instance: {{ .root.Release.Name }}
              app.kubernetes.io/component: api
    {{- end }}
    {{- with .platform.tracing.endpoint }}
    - ports:
        - {port: {{ include "onegrid.port" . }}}
    {{- end }}
    {{- with .platform.network.egress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- if .values.sender.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .fullname }}-sender
  labels: {{- include "onegrid.labels" (merge (dict "role" "sender") .) | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "onegrid.selector" (merge (dict "role" "sender") .) | nindent 6 }}
  policyTypes: [Egress]
  egress: {{- toYaml .values.sender.egress | nindent 4 }}
{{- end }}
{{- end }}

{{- /* For the migration, which is there before the release's own policies are; it goes when the hooks are over. */}}
{{- define "onegrid.migratePolicy" -}}
{{- $of := merge (dict "role" "migrate") . -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .fullname }}-migrate
  labels: {{- include "onegrid.labels" $of | nindent 4 }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-1"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  podSelector:
    matchLabels: {{- include "onegrid.selector" $of | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "onegrid.storesEgress" . | nindent 4 }}
{{- end }}

{{- /* Names, PostgreSQL and RabbitMQ: what every pod reaches. */}}
{{- define "onegrid.storesEgress" -}}
- ports:
    {{- range .platform.network.dnsPorts }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
- ports:
    - {port: {{ .platform.database.port }}}
  {{- with .platform.network.database }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
- ports:
    - {port: {{ .platform.broker.port }}}
  {{- with .platform.network.broker }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* The port of a URL: the one that it names, or its scheme's. */}}
{{- define "onegrid.port" -}}
{{- $url := urlParse . }}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") }}
{{- end }}
