{{- /* What was installed, how one calls it, and what it lacks: of one service. */}}
{{- define "onegrid.notes" -}}
{{- $it := dict "root" . "name" .Chart.Name "values" .Values.service "platform" (include "onegrid.platform" (dict "values" .Values.service "global" .Values.global) | fromYaml) }}
{{- $it = set $it "fullname" (include "onegrid.fullname" $it) -}}
{{ .Chart.Name }} {{ .Chart.AppVersion }} is installed: {{ include "onegrid.roles" $it | replace " " ", " }}.

See that it is up, and call it:

  kubectl -n {{ .Release.Namespace }} rollout status deployment/{{ $it.fullname }}-api
{{ include "onegrid.howToCall" $it }}
{{- with include "onegrid.lacking" $it | trim }}

Before it is for production:
{{ . }}
{{- end }}
{{ end }}

{{- define "onegrid.howToCall" -}}
{{- $ns := .root.Release.Namespace }}
{{- "" }}  kubectl -n {{ $ns }} port-forward deployment/{{ .fullname }}-api 50051
  grpcurl {{ ternary "-cacert ca.crt" "-plaintext" .platform.tls.enabled }}{{ if and .platform.tls.enabled .platform.tls.mutual }} -cert tls.crt -key tls.key{{ end }}{{ if .platform.tls.enabled }} -authority {{ .fullname }}{{ end }} localhost:50051 list
{{- if include "onegrid.routed" . }}
From outside, by the Gateway: {{ range .platform.tls.domains }}{{ $.name }}.{{ . }} {{ end }}
{{- end }}
{{- if .values.api.loadBalancer.enabled }}
From outside, at the address of: kubectl -n {{ $ns }} get service {{ .fullname }}-outside
{{- end }}
{{- end }}

{{- define "onegrid.lacking" -}}
{{- with .platform }}
{{- if not .tls.enabled }}
- TLS is off: tokens and personal data travel in plain text (platform.tls).
{{- end }}
{{- if and .database.host (not .database.caSecret) }}
- PostgreSQL's certificate is not verified (platform.database.caSecret).
{{- end }}
{{- if and .broker.host (not .broker.tls) }}
- RabbitMQ is spoken with in plain text (platform.broker.tls).
{{- end }}
{{- if not .network.policies }}
- Every pod of the cluster may call every port (platform.network.policies).
{{- end }}
{{- if not .monitoring.operator }}
- Nobody scrapes by itself: rules and dashboards are ConfigMaps (platform.monitoring.operator).
{{- end }}
{{- if and .gateway.parents .network.policies (not .network.clients) }}
- No policy lets the Gateway in (platform.network.clients).
{{- end }}
{{- end }}
{{- end }}
