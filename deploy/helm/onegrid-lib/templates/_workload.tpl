{{- define "onegrid.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .fullname }}-{{ .role }}
  labels: {{- include "onegrid.labels" . | nindent 4 }}
  {{- with .platform.pod.deploymentAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- /* An autoscaler's number is its own: a release would set it back, and a rollback to what it was long ago. */}}
  {{- if not (.own.autoscaling).enabled }}
  replicas: {{ .own.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    rollingUpdate: {{- toYaml .platform.pod.rollingUpdate | nindent 6 }}
  selector:
    matchLabels: {{- include "onegrid.selector" . | nindent 6 }}
  template:
    metadata: {{- include "onegrid.podMetadata" (merge (dict "annotations" (dict "checksum/config" (include "onegrid.settings" . | sha256sum))) .) | nindent 6 }}
    spec:
      serviceAccountName: {{ .fullname }}
      {{- include "onegrid.podSpec" . | nindent 6 }}
      terminationGracePeriodSeconds: {{ add .platform.drain.pauseSeconds .platform.drain.graceSeconds 10 }}
      {{- with .platform.pod.topologySpreadConstraints }}
      topologySpreadConstraints: {{- toYaml . | nindent 8 }}
      {{- else }}
      topologySpreadConstraints:
        {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - topologyKey: {{ $key }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "onegrid.selector" $ | nindent 14 }}
        {{- end }}
      {{- end }}
      containers:
        - name: {{ .role }}
          {{- include "onegrid.container" . | nindent 10 }}
          args: [{{ .role }}]
          envFrom:
            - configMapRef: {name: {{ .fullname }}}
          env: {{- include "onegrid.secrets" . | nindent 12 }}
          ports:
            {{- if eq .role "api" }}
            - {name: grpc, containerPort: 50051}
            {{- if .values.http.enabled }}
            - {name: http, containerPort: 8080}
            {{- end }}
            {{- if .platform.tls.enabled }}
            - {name: health, containerPort: 50052}
            {{- end }}
            {{- end }}
            - {name: metrics, containerPort: 9464}
          {{- include "onegrid.probes" . | nindent 10 }}
          resources: {{- toYaml .own.resources | nindent 12 }}
{{- end }}

{{- /* Live: its event loop runs. Ready: its dependencies are reachable, too; a restart would not bring a lost database back. */}}
{{- define "onegrid.probes" -}}
{{- $port := ternary 50052 50051 .platform.tls.enabled }}
{{- $alive := ternary (dict "grpc" (dict "port" $port "service" "liveness")) (dict "httpGet" (dict "path" "/live" "port" "metrics")) (eq .role "api") }}
{{- $ready := ternary (dict "grpc" (dict "port" $port)) (dict "httpGet" (dict "path" "/ready" "port" "metrics")) (eq .role "api") -}}
startupProbe: {{- merge (dict "periodSeconds" 1 "failureThreshold" 120) $alive | toYaml | nindent 2 }}
readinessProbe: {{- merge (dict "periodSeconds" 2 "timeoutSeconds" 2 "failureThreshold" 2) $ready | toYaml | nindent 2 }}
livenessProbe: {{- merge (dict "periodSeconds" 10 "timeoutSeconds" 5 "failureThreshold" 3) $alive | toYaml | nindent 2 }}
{{- end }}

{{- /* What the pods of all roles and jobs have in common. */}}
{{- define "onegrid.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- if .platform.pod.fixedUser }}
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $.platform.pod $key }}
{{ $key }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .platform.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .platform.priorityClass }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- with .platform.pod.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- if .platform.tls.enabled }}
  - name: tls
    secret: {secretName: {{ .platform.tls.secret | default (printf "%s-tls" .fullname) }}, defaultMode: 0440}
  {{- end }}
  {{- with include "onegrid.authorities" . }}
  - name: authorities
    projected:
      sources: {{- . | nindent 8 }}
  {{- end }}
{{- end }}

{{- /* Who vouches for the data stores. */}}
{{- define "onegrid.authorities" -}}
{{- range $name := list "database" "broker" }}
{{- with get $.platform $name }}
{{- if .caSecret }}
- secret: {name: {{ .caSecret }}, items: [{key: {{ .caKey }}, path: {{ $name }}.crt}]}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "onegrid.container" -}}
image: {{ include "onegrid.image" (merge (dict "image" .name) .) }}
imagePullPolicy: {{ .platform.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- with .platform.pod.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- if .platform.tls.enabled }}
  - {name: tls, mountPath: /etc/onegrid/tls, readOnly: true}
  {{- end }}
  {{- if include "onegrid.authorities" . }}
  - {name: authorities, mountPath: /etc/onegrid/authorities, readOnly: true}
  {{- end }}
{{- end }}

{{- define "onegrid.image" -}}
{{- with .platform.image.registry }}{{ . }}/{{ end }}{{ .platform.image.repository }}/{{ .image }}:{{ .platform.image.tag | default (include "onegrid.labelValue" .root.Chart.AppVersion) }}
{{- end }}

{{- /* Before the new release's pods. Migrations only expand, so those of the release before go on meanwhile. */}}
{{- define "onegrid.migrate" -}}
{{- /* It speaks no gRPC, and a certificate may be made after it. */}}
{{- $platform := mergeOverwrite (deepCopy .platform) (dict "tls" (dict "enabled" false)) }}
{{- $of := merge (dict "role" "migrate" "platform" $platform) (omit . "platform") -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .fullname }}-migrate
  labels: {{- include "onegrid.labels" $of | nindent 4 }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 6
  activeDeadlineSeconds: {{ .values.migrate.deadlineSeconds }}
  template:
    metadata: {{- include "onegrid.podMetadata" $of | nindent 6 }}
    spec:
      restartPolicy: Never
      {{- include "onegrid.podSpec" $of | nindent 6 }}
      containers:
        - name: migrate
          {{- include "onegrid.container" $of | nindent 10 }}
          args: [migrate]
          # Not from the ConfigMap, which a first installation does not have yet.
          env:
            {{- range $name, $value := include "onegrid.settings" $of | fromYaml }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
            {{- include "onegrid.secrets" . | nindent 12 }}
          resources: {{- toYaml .values.migrate.resources | nindent 12 }}
{{- end }}
