{{- define "onegrid.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .fullname }}-{{ .role }}
  labels: {{- include "onegrid.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "onegrid.selector" . | nindent 6 }}
{{- end }}

{{- define "onegrid.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .fullname }}-{{ .role }}
  labels: {{- include "onegrid.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .fullname }}-{{ .role }}}
  minReplicas: {{ .own.replicas }}
  maxReplicas: {{ .own.autoscaling.max }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .own.autoscaling.cpuPercent }}}
    {{- if .own.autoscaling.queueDepth }}
    - type: External
      external:
        metric:
          name: rabbitmq_queue_messages_ready
          selector:
            matchLabels: {queue: onegrid.{{ .name }}}
        target: {type: AverageValue, averageValue: {{ .own.autoscaling.queueDepth | quote }}}
    {{- end }}
  behavior:
    # Down slowly: a wave of petitions seldom comes alone.
    scaleDown:
      stabilizationWindowSeconds: 300
      policies:
        - {type: Pods, value: 1, periodSeconds: 60}
{{- end }}
