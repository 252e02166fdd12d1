{{- define "data.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "data.labels" -}}
{{ include "data.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_." }}
{{- end }}

{{- define "data.monitoringLabels" -}}
{{ include "data.labels" . }}
{{- with .root.Values.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Names by which alerts know them, whatever the release is called. */}}
{{- define "data.relabelings" -}}
- {targetLabel: job, replacement: {{ .job }}}
- {targetLabel: release, replacement: {{ .root.Release.Name }}}
{{- end }}

{{- /* Operators delete the volumes with the object that they are of: to uninstall must not lose a district's data. */}}
{{- define "data.kept" -}}
helm.sh/resource-policy: keep
{{- end }}

{{- define "data.mebibytes" -}}
{{- $number := regexFind "^[0-9]+" . | int }}
{{- if regexMatch "^[0-9]+Gi$" . }}{{ mul 1024 $number }}{{ else if regexMatch "^[0-9]+Mi$" . }}{{ $number }}{{ else }}
{{- fail (printf "postgresql.resources.limits.memory is %q; the settings of PostgreSQL are computed of it: give it as 4Gi or 4096Mi" .) }}
{{- end }}
{{- end }}

{{- define "data.rabbitmqConfig" -}}
{{- if has "rabbitmq_mqtt" .plugins }}
# Else whoever gives no password is `guest`.
mqtt.allow_anonymous = false
{{- end }}
{{- with .config }}
{{ . }}
{{- end }}
{{- end }}

{{- define "data.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 999
  runAsGroup: 999
  fsGroup: 999
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "data.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "data.claim" -}}
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ .storage }}}}
{{- end }}

{{- /* Only what belongs to a OneGrid comes in. */}}
{{- define "data.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "data.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "data.selector" . | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels: {app.kubernetes.io/part-of: onegrid}
        {{- with .root.Values.clients }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports: {{- range .ports }}
        - {port: {{ . }}}
      {{- end }}
{{- end }}
