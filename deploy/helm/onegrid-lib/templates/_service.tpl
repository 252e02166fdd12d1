{{- /* Everything of one service. Its chart calls this, and that is all it does. */}}
{{- define "onegrid.service" -}}
{{- $platform := include "onegrid.platform" (dict "values" .Values.service "global" .Values.global) | fromYaml }}
{{- $it := dict "root" . "name" .Chart.Name "values" .Values.service "platform" $platform }}
{{- $it = set $it "fullname" (include "onegrid.fullname" $it) }}
{{- include "onegrid.check" $it }}
{{- if $platform.network.policies }}
---
{{ include "onegrid.migratePolicy" $it }}
{{- end }}
---
{{ include "onegrid.migrate" $it }}
---
{{ include "onegrid.serviceAccount" $it }}
---
{{ include "onegrid.configMap" $it }}
---
{{ include "onegrid.services" $it }}
{{- if .Values.service.http.enabled }}
---
{{ include "onegrid.http" $it }}
{{- end }}
{{- include "onegrid.outside" $it }}
{{- range $role := include "onegrid.roles" $it | splitList " " }}
{{- $of := merge (dict "role" $role "own" (get $it.values $role)) $it }}
---
{{ include "onegrid.deployment" $of }}
---
{{ include "onegrid.disruption" $of }}
{{- if ($of.own.autoscaling).enabled }}
---
{{ include "onegrid.autoscaler" $of }}
{{- end }}
{{- end }}
{{- if $platform.network.policies }}
---
{{ include "onegrid.networkPolicies" $it }}
{{- end }}
{{- if and $platform.tls.enabled (not $platform.tls.secret) }}
---
{{ include "onegrid.certificate" $it }}
{{- end }}
{{ include "onegrid.monitoring" $it }}
{{- end }}

{{- /* What is the same for all services: the defaults, what the release sets for all, and what it sets for this one. */}}
{{- define "onegrid.platform" -}}
{{- $all := (.global).platform | default dict }}
{{- mergeOverwrite (deepCopy .values.platformDefaults) (deepCopy $all) (deepCopy .values.platform) | toYaml }}
{{- end }}

{{- /* What names begin with. */}}
{{- define "onegrid.prefix" -}}
{{ .platform.fullnameOverride | default .root.Release.Name }}
{{- end }}

{{- /* The name of a service, or of something else that belongs to the release. */}}
{{- define "onegrid.fullname" -}}
{{ include "onegrid.prefix" . }}-{{ get .platform.nameOverrides .name | default .name }}
{{- end }}

{{- /* The roles that serve. */}}
{{- define "onegrid.roles" -}}
api worker relay{{ if .values.sender.enabled }} sender{{ end }}
{{- end }}

{{- /* What only all values together can show to be wrong. */}}
{{- define "onegrid.check" -}}
{{- if gt (len (printf "%s-metrics" .fullname)) 63 }}
{{- fail (printf "%s-metrics is no name for a Service: it has more than 63 characters; choose a shorter release name" .fullname) }}
{{- end }}
{{- if and .platform.tls.enabled (not .platform.tls.secret) (not .platform.tls.issuer.name) }}
{{- fail "platform.tls: name an existing secret (tls.secret) or a cert-manager issuer (tls.issuer.name)" }}
{{- end }}
{{- with .platform.database }}
{{- if and .sslmode (not .host) }}
{{- fail "platform.database.sslmode: without a host, the URLs of the Secret say how TLS is spoken" }}
{{- end }}
{{- if and (hasPrefix "verify" .sslmode) (not .caSecret) }}
{{- fail (printf "platform.database.sslmode: %s needs the authority of the certificate (caSecret)" .sslmode) }}
{{- end }}
{{- end }}
{{- with .platform.broker }}
{{- if and (or .tls .vhost) (not .host) }}
{{- fail "platform.broker: without a host, the URLs of the Secret say the vhost, and whether TLS is spoken" }}
{{- end }}
{{- if and .host .caSecret (not .tls) }}
{{- fail "platform.broker.caSecret: there is no certificate to verify unless broker.tls is true" }}
{{- end }}
{{- end }}
{{- $tls := .platform.tls.enabled }}
{{- with .platform.gateway }}
{{- if and .parents $.values.api.route (not $.platform.tls.domains) }}
{{- fail "platform.gateway: routes are made for names below platform.tls.domains, which are missing" }}
{{- end }}
{{- if and .passthrough (not $tls) }}
{{- fail "platform.gateway.passthrough: the pods speak no TLS, unless platform.tls.enabled is true" }}
{{- end }}
{{- if and $.values.http.route.host (not (and .parents $.values.http.enabled)) }}
{{- fail (printf "%s.http.route: it needs http.enabled, and a Gateway (platform.gateway.parents)" $.name) }}
{{- end }}
{{- if and $tls (not .caConfigMap) (or $.values.http.route.host (and (include "onegrid.routed" $) (not .passthrough))) }}
{{- fail "platform.gateway.caConfigMap: the Gateway needs the authority of the pods' certificates" }}
{{- end }}
{{- end }}
{{- $settings := include "onegrid.settings" . | fromYaml }}
{{- $secrets := list "PAGE_TOKEN_KEY" "CIPHER_KEYS" "OTLP_HEADERS" }}
{{- range $server := list "DATABASE" "AMQP" }}
{{- range list "URL" "USER" "PASSWORD" }}{{ $secrets = append $secrets (printf "%s_%s" $server .) }}{{ end }}
{{- end }}
{{- range $name := concat (keys .values.env) (keys .values.secretEnv) }}
{{- if has (trimPrefix "ONEGRID_" $name) $secrets }}
{{- fail (printf "%s: the Secrets of platform.database, platform.broker, platform.keysSecret and platform.tracing have %s" $.name $name) }}
{{- end }}
{{- end }}
{{- range $name := keys .values.secretEnv }}
{{- if hasKey $settings $name }}
{{- fail (printf "%s: %s is given twice: by secretEnv, and by env or the chart itself" $.name $name) }}
{{- end }}
{{- end }}
{{- range $role := list "api" "worker" }}
{{- $own := get $.values $role }}
{{- if and $own.autoscaling.enabled (lt (int $own.autoscaling.max) (int $own.replicas)) }}
{{- fail (printf "%s.%s: autoscaling.max is %d, fewer than its %d replicas" $.name $role (int $own.autoscaling.max) (int $own.replicas)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "onegrid.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "onegrid.labels" -}}
{{ include "onegrid.selector" . }}
app.kubernetes.io/part-of: onegrid
app.kubernetes.io/version: {{ include "onegrid.labelValue" .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | include "onegrid.labelValue" }}
{{- end }}

{{- /* What a label, or an image's tag, can be: a version may have a +, as of a build. */}}
{{- define "onegrid.labelValue" -}}
{{ . | replace "+" "_" | trunc 63 | trimAll "-_." }}
{{- end }}

{{- /* Of pods: no version, which would restart those that it changes nothing for. */}}
{{- define "onegrid.podMetadata" -}}
labels:
  {{- include "onegrid.selector" . | nindent 2 }}
  app.kubernetes.io/part-of: onegrid
  {{- with .platform.pod.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (.annotations | default dict) .platform.pod.annotations }}
{{- with $annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "onegrid.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.labels" . | nindent 4 }}
  {{- with .platform.pod.serviceAccountAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{- define "onegrid.services" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.labels" (merge (dict "role" "api") .) | nindent 4 }}
spec:
  # Headless: clients see every ready replica and balance over them; through one address, a connection would stay with one pod.
  clusterIP: None
  ipFamilyPolicy: PreferDualStack
  selector: {{- include "onegrid.selector" (merge (dict "role" "api") .) | nindent 4 }}
  ports:
    - {name: grpc, port: 50051, targetPort: grpc, appProtocol: grpc}
    - {name: metrics, port: 9464, targetPort: metrics}
---
# For scrapers that find their targets by DNS: all roles, ready or not.
apiVersion: v1
kind: Service
metadata:
  name: {{ .fullname }}-metrics
  labels: {{- include "onegrid.labels" (merge (dict "role" "metrics") .) | nindent 4 }}
spec:
  clusterIP: None
  ipFamilyPolicy: PreferDualStack
  publishNotReadyAddresses: true
  selector: {{- include "onegrid.selector" . | nindent 4 }}
  ports:
    - {name: metrics, port: 9464, targetPort: metrics}
{{- end }}

{{- /* What is not gRPC: with an address of its own, since those who come here don't balance by themselves. */}}
{{- define "onegrid.http" -}}
{{- $labels := include "onegrid.labels" (merge (dict "role" "api") .) -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .fullname }}-http
  labels: {{- $labels | nindent 4 }}
spec:
  ipFamilyPolicy: PreferDualStack
  selector: {{- include "onegrid.selector" (merge (dict "role" "api") .) | nindent 4 }}
  ports:
    - {name: http, port: 8080, targetPort: http, appProtocol: {{ ternary "https" "http" .platform.tls.enabled }}}
{{- with .values.http.ingress }}
{{- if .host }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $.fullname }}
  labels: {{- $labels | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .className }}
  ingressClassName: {{ . }}
  {{- end }}
  tls:
    - hosts: [{{ .host }}]
      {{- with .tlsSecret }}
      secretName: {{ . }}
      {{- end }}
  rules:
    - host: {{ .host }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: {{ $.fullname }}-http, port: {name: http}}}
{{- end }}
{{- end }}
{{- end }}

{{- define "onegrid.certificate" -}}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: {{ .fullname }}
  labels: {{- include "onegrid.labels" . | nindent 4 }}
spec:
  secretName: {{ .fullname }}-tls
  dnsNames:
    - {{ .fullname }}
    - {{ .fullname }}.{{ .root.Release.Namespace }}
    - {{ .fullname }}.{{ .root.Release.Namespace }}.svc
    - {{ .fullname }}.{{ .root.Release.Namespace }}.svc.{{ .platform.tls.clusterDomain }}
{{- if .values.http.enabled }}
    - {{ .fullname }}-http
    - {{ .fullname }}-http.{{ .root.Release.Namespace }}.svc
{{- end }}
{{- range .platform.tls.domains }}
    - {{ $.name }}.{{ . }}
{{- end }}
  usages: [server auth, client auth]
  privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Always}
  issuerRef: {{- toYaml .platform.tls.issuer | nindent 4 }}
{{- end }}
