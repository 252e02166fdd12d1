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
    - ports:
        - {port: 53, protocol: UDP}
        - {port: 53, protocol: TCP}
    - ports:
        - {port: {{ .platform.database.port }}}
      {{- with .platform.network.database }}
      to: {{- toYaml . | nindent 8 }}
      {{- end }}
    - ports:
        - {port: {{ .platform.broker.port }}}
      {{- with .platform.network.broker }}
      to: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- if .platform.identity }}
    - ports:
        - {port: {{ regexFind "[0-9]+$" .platform.identity }}}
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
        - {port: {{ regexFind ":[0-9]+" . | trimPrefix ":" | default "4318" }}}
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
