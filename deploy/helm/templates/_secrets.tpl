{{/*
Fills .Values.secrets.made, once, with what the chart's own Secret holds: what secrets.values gives, else what the cluster has
already, else something random. A group's key is in HANDLER_KEYS for the broker, and alone in HANDLER_KEYS.<group> for the group.
*/}}
{{- define "switchboard.makeSecrets" -}}
{{- if not (hasKey .Values.secrets "made") }}
{{- $made := dict }}
{{- range $key, $value := (lookup "v1" "Secret" .Release.Namespace (include "switchboard.name" .)).data }}
{{- $_ := set $made $key (b64dec $value) }}
{{- end }}
{{- $given := .Values.secrets.values }}
{{- range $key, $value := $given }}{{ $_ := set $made $key $value }}{{ end }}
{{- $random := list "SECRET" }}
{{- if .Values.mongodb.enabled }}{{ $random = append $random "MONGODB_PASSWORD" }}{{ end }}
{{- if .Values.coturn.enabled }}{{ $random = append $random "TURN_SECRET" }}{{ end }}
{{- if .Values.keycloak.enabled }}{{ $random = append $random "KC_BOOTSTRAP_ADMIN_PASSWORD" }}{{ end }}
{{- range $key := $random }}
{{- if not (hasKey $made $key) }}{{ $_ := set $made $key (randAlphaNum 40) }}{{ end }}
{{- end }}
{{- if and .Values.mongodb.enabled (not (hasKey $given "MONGODB_URL")) }}
{{- $host := printf "%s-mongodb-0.%s-mongodb" (include "switchboard.name" .) (include "switchboard.name" .) }}
{{- $_ := set $made "MONGODB_URL" (printf "mongodb://root:%s@%s:27017/switchboard?authSource=admin&replicaSet=rs0" $made.MONGODB_PASSWORD $host) }}
{{- end }}
{{- if not (or (hasKey $given "HANDLER_KEY") (hasKey $given "HANDLER_KEYS")) }}
{{- $all := list }}
{{- range $group := keys .Values.handlers.groups | sortAlpha }}
{{- $key := printf "HANDLER_KEYS.%s" $group }}
{{- if not (hasKey $made $key) }}{{ $_ := set $made $key (printf "%s=%s" $group (randAlphaNum 40)) }}{{ end }}
{{- $all = append $all (get $made $key) }}
{{- end }}
{{- $_ := set $made "HANDLER_KEYS" (join "," $all) }}
{{- end }}
{{- $_ := set .Values.secrets "made" $made }}
{{- end }}
{{- end }}

{{/* Changes when a secret changes that the chart knows, so that the processes that read it start again. */}}
{{- define "switchboard.secretsChecksum" -}}
{{- if not .Values.secrets.existing }}{{ include "switchboard.makeSecrets" . }}{{ .Values.secrets.made | toJson | sha256sum }}
{{- else }}{{ .Values.secrets.existing | sha256sum }}{{ end }}
{{- end }}
