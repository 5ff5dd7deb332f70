{{- define "switchboard.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Labels of everything; with a part also those that select its pods. Takes (list . part). */}}
{{- define "switchboard.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{ include "switchboard.selector" . }}
{{- end }}

{{- define "switchboard.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The same as JSON, for selectors. */}}
{{- define "switchboard.matches" -}}
{{ include "switchboard.selector" . | fromYaml | toJson }}
{{- end }}

{{- define "switchboard.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "switchboard.secret" -}}
{{ .Values.secrets.existing | default (include "switchboard.name" .) }}
{{- end }}

{{- define "switchboard.tlsSecret" -}}
{{ .Values.tls.secretName | default (printf "%s-tls" (include "switchboard.name" .)) }}
{{- end }}

{{/* A setting as text. YAML numbers arrive as floats, lists of names are comma-separated, everything else with a structure is JSON. */}}
{{- define "switchboard.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%.0f" . }}
{{- else if and (kindIs "slice" .) (not (kindIs "map" (first . | default ""))) }}{{ join "," . }}
{{- else if or (kindIs "map" .) (kindIs "slice" .) }}{{ toJson . }}
{{- else }}{{ toString . }}{{ end }}
{{- end }}

{{/* Environment variables. Takes (list . (list env …) secretEnv): settings by name, of which later ones count, and keys of the Secret. */}}
{{- define "switchboard.env" -}}
{{- $root := index . 0 -}}
{{- $env := dict -}}
{{- range index . 1 }}{{ range $name, $value := . }}{{ $_ := set $env $name $value }}{{ end }}{{ end -}}
{{- range $name, $value := $env }}
- name: {{ $name }}
  value: {{ include "switchboard.text" $value | quote }}
{{- end }}
{{- range $name := index . 2 | uniq }}
- name: {{ $name }}
  valueFrom: { secretKeyRef: { name: {{ include "switchboard.secret" $root }}, key: {{ $name }}, optional: true } }
{{- end }}
{{- end }}

{{/* The issuer that the chart's Keycloak is, for OIDC_ISSUERS. Browsers see its url; the broker fetches keys inside the cluster. */}}
{{- define "switchboard.issuer" -}}
- issuer: {{ .Values.keycloak.url }}/realms/switchboard
  jwks_uri: http://{{ include "switchboard.name" . }}-keycloak:8080/realms/switchboard/protocol/openid-connect/certs
  audience: switchboard
  role_claim: realm_access.roles
  alias: kc
  web: { client_id: app, name: Keycloak }
{{- end }}

{{- define "switchboard.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "switchboard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* What all pods have. None talks to the Kubernetes API. */}}
{{- define "switchboard.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with .Values.pods.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.pods.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .Values.pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* What is wrong with the values together; each value alone is checked by values.schema.json. */}}
{{- define "switchboard.check" -}}
{{- if gt (int .Values.broker.replicas) 1 }}
{{- fail "broker.replicas: a platform has one broker in this version, because its queue is on one volume. Leave it at 1 and scale handlers.groups instead" }}
{{- end }}
{{- if and (not .Values.secrets.existing) (not .Values.mongodb.enabled) (not .Values.secrets.values.MONGODB_URL) }}
{{- fail "handlers on several nodes cannot share a SQLite file, so they need MongoDB: set mongodb.enabled=true, or secrets.values.MONGODB_URL, or secrets.existing to a Secret with MONGODB_URL" }}
{{- end }}
{{- if and .Values.keycloak.enabled (not (and .Values.keycloak.url .Values.keycloak.page)) }}
{{- fail "keycloak.url and keycloak.page: set them to the address of Keycloak and the origin of the web page, as browsers see them" }}
{{- end }}
{{- end }}
