{{- /* What the library's templates work on, for what belongs to no single service. */}}
{{- define "onegrid.it" -}}
{{- $lib := index .Values "onegrid-lib" }}
{{- dict "platform" (mergeOverwrite (deepCopy $lib.platform) (deepCopy (.Values.global.platform | default dict))) "values" $lib | toYaml }}
{{- end }}
