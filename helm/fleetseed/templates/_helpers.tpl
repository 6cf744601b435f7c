{{- define "fleetseed.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "fleetseed.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "fleetseed.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "fleetseed.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "fleetseed.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "fleetseed.selector" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "fleetseed.selector" -}}
app.kubernetes.io/name: {{ include "fleetseed.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "fleetseed.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "fleetseed.tokensSecret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-tokens" (include "fleetseed.fullname" .)) -}}
{{- end -}}

{{- define "fleetseed.tlsSecret" -}}
{{- .Values.tls.existingSecret | default (printf "%s-tls" (include "fleetseed.fullname" .)) -}}
{{- end -}}

{{- define "fleetseed.originHost" -}}
{{ include "fleetseed.fullname" . }}-origin.{{ .Release.Namespace }}.svc
{{- end -}}

{{- define "fleetseed.originUrl" -}}
{{ ternary "http" "https" .Values.tls.insecureHttp }}://{{ include "fleetseed.originHost" . }}:{{ .Values.origin.service.port }}
{{- end -}}

{{/* Restricted Pod Security Standard. */}}
{{- define "fleetseed.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "fleetseed.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* Replicas meet in a bucket and in Redis. */}}
{{- define "fleetseed.checkReplicas" -}}
{{- with .Values.origin -}}
{{- if gt (int .replicas) 1 -}}
{{- if not (and .s3.bucket .redis.existingSecret) -}}
{{- fail "origin.replicas: more than one need a bucket and a Redis in common: set origin.s3.bucket and origin.redis.existingSecret" -}}
{{- end -}}
{{- if .peer.advertise -}}
{{- fail "origin.peer.advertise: is one address, and origin.replicas is more than one" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "fleetseed.sharedStores" -}}
{{- with .Values.origin.s3 -}}
{{- if .bucket }}
- { name: FLEETSEED_S3_BUCKET, value: {{ .bucket | quote }} }
- { name: FLEETSEED_S3_ENDPOINT, value: {{ .endpoint | quote }} }
- { name: FLEETSEED_S3_REGION, value: {{ .region | quote }} }
- { name: FLEETSEED_S3_PREFIX, value: {{ .prefix | quote }} }
{{- if .existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: { secretKeyRef: { name: {{ .existingSecret }}, key: access-key-id } }
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: { secretKeyRef: { name: {{ .existingSecret }}, key: secret-access-key } }
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.origin.redis.existingSecret }}
- name: FLEETSEED_REDIS_URL
  valueFrom: { secretKeyRef: { name: {{ . }}, key: url } }
{{- end }}
{{- end -}}
