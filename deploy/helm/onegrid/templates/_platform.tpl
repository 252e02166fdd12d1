{{- /* The names of the services that this release contains: Helm drops the dependencies that are not enabled. */}}
{{- define "onegrid.contained" -}}
{{- $names := list }}
{{- range .Chart.Dependencies }}
{{- if .Condition }}{{ $names = append $names .Name }}{{ end }}
{{- end }}
{{- $names | toJson }}
{{- end }}

{{- /* What the library's templates work on, for what belongs to no single service. */}}
{{- define "onegrid.it" -}}
{{- $lib := index .Values "onegrid-lib" }}
{{- $platform := include "onegrid.platform" (dict "values" $lib "global" .Values.global) | fromYaml }}
{{- range $name, $_ := $platform.nameOverrides }}
{{- if not (hasKey $.Values $name) }}
{{- fail (printf "platform.nameOverrides: there is no service %s" $name) }}
{{- end }}
{{- end }}
{{- dict "platform" $platform "values" $lib "prefix" (include "onegrid.prefix" (dict "root" . "platform" $platform)) | toYaml }}
{{- end }}

{{- /* The name of a service of this release. */}}
{{- define "onegrid.nameOf" -}}
{{ include "onegrid.fullname" (dict "root" .root "platform" .it.platform "name" .service) }}
{{- end }}
