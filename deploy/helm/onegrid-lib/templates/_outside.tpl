{{- /* A way in from outside: routes at a Gateway, and load balancers. */}}
{{- define "onegrid.outside" -}}
{{- $labels := include "onegrid.labels" (merge (dict "role" "api") .) }}
{{- $selector := include "onegrid.selector" (merge (dict "role" "api") .) }}
{{- with .values.api.loadBalancer }}
{{- if .enabled }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $.fullname }}-outside
  labels: {{- $labels | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: LoadBalancer
  {{- with .class }}
  loadBalancerClass: {{ . }}
  {{- end }}
  {{- with .sourceRanges }}
  loadBalancerSourceRanges: {{- toYaml . | nindent 4 }}
  {{- end }}
  # Calls keep the address that they come from, by which those without a token are limited.
  externalTrafficPolicy: Local
  ipFamilyPolicy: PreferDualStack
  selector: {{- $selector | nindent 4 }}
  ports:
    - {name: grpc, port: {{ .port }}, targetPort: grpc}
{{- end }}
{{- end }}
{{- if include "onegrid.routed" . }}
---
# With an address, which some gateways call, and with the protocol by the name that they know.
apiVersion: v1
kind: Service
metadata:
  name: {{ .fullname }}-grpc
  labels: {{- $labels | nindent 4 }}
spec:
  ipFamilyPolicy: PreferDualStack
  selector: {{- $selector | nindent 4 }}
  ports:
    - {name: grpc, port: 50051, targetPort: grpc{{ if not .platform.tls.enabled }}, appProtocol: kubernetes.io/h2c{{ end }}}
---
{{- $hosts := list }}
{{- range .platform.tls.domains }}{{ $hosts = append $hosts (printf "%s.%s" $.name .) }}{{ end }}
{{- $kind := ternary "TLSRoute" "GRPCRoute" .platform.gateway.passthrough }}
{{ include "onegrid.route" (merge (dict "kind" $kind "hosts" $hosts "service" (printf "%s-grpc" .fullname) "port" 50051) .) }}
{{- if and .platform.tls.enabled (not .platform.gateway.passthrough) }}
---
{{ include "onegrid.backendTls" (merge (dict "service" (printf "%s-grpc" .fullname) "host" .fullname) .) }}
{{- end }}
{{- end }}
{{- with .values.http.route.host }}
{{- $service := printf "%s-http" $.fullname }}
---
{{ include "onegrid.route" (merge (dict "kind" "HTTPRoute" "hosts" (list .) "service" $service "port" 8080) $) }}
{{- if $.platform.tls.enabled }}
---
{{ include "onegrid.backendTls" (merge (dict "service" $service "host" $service) $) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether gRPC calls come by a Gateway; empty if not. */}}
{{- define "onegrid.routed" -}}
{{- if and .platform.gateway.parents .values.api.route }}yes{{ end }}
{{- end }}

{{- define "onegrid.route" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.labels" (merge (dict "role" "api") .) | nindent 4 }}
spec:
  parentRefs: {{- toYaml .platform.gateway.parents | nindent 4 }}
  hostnames: {{- toYaml .hosts | nindent 4 }}
  rules:
    - backendRefs:
        - {name: {{ .service }}, port: {{ .port }}}
{{- end }}

{{- /* That the Gateway speaks TLS with the pods, and by whose certificates it knows them. */}}
{{- define "onegrid.backendTls" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata:
  name: {{ .service }}
  labels: {{- include "onegrid.labels" (merge (dict "role" "api") .) | nindent 4 }}
spec:
  targetRefs:
    - {group: "", kind: Service, name: {{ .service }}}
  validation:
    hostname: {{ .host }}
    caCertificateRefs:
      - {group: "", kind: ConfigMap, name: {{ .platform.gateway.caConfigMap }}}
{{- end }}
