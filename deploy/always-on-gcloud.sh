#!/usr/bin/env bash
# Written by `tipoff infra gcloud`. Creates what is missing, brings the rest up to date, deletes nothing; run it again
# after every change. Needs gcloud, and bq where tables are asked.
set -euo pipefail

step() { printf '== %s\n' "$*"; }
PROJECT_NUMBER=$(gcloud projects describe 'nba-props-platform' --format='value(projectNumber)')

step 'service account tipoff@nba-props-platform.iam.gserviceaccount.com'
gcloud iam service-accounts describe 'tipoff@nba-props-platform.iam.gserviceaccount.com' --project='nba-props-platform' >/dev/null 2>&1 ||
  gcloud iam service-accounts create 'tipoff' --project='nba-props-platform'

step 'service account tipoff-push@nba-props-platform.iam.gserviceaccount.com'
gcloud iam service-accounts describe 'tipoff-push@nba-props-platform.iam.gserviceaccount.com' --project='nba-props-platform' >/dev/null 2>&1 ||
  gcloud iam service-accounts create 'tipoff-push' --project='nba-props-platform'

step 'service account tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com'
gcloud iam service-accounts describe 'tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --project='nba-props-platform' >/dev/null 2>&1 ||
  gcloud iam service-accounts create 'tipoff-scheduler' --project='nba-props-platform'

step 'topic nba-dlq'
if gcloud pubsub topics describe 'nba-dlq' --project='nba-props-platform' >/dev/null 2>&1; then
  echo 'there already, nothing to set'
else
  gcloud pubsub topics create 'nba-dlq' --project='nba-props-platform'
fi

step 'topic nba-phase4-precompute-complete'
if gcloud pubsub topics describe 'nba-phase4-precompute-complete' --project='nba-props-platform' >/dev/null 2>&1; then
  gcloud pubsub topics update 'nba-phase4-precompute-complete' --project='nba-props-platform' --message-retention-duration=86400s
else
  gcloud pubsub topics create 'nba-phase4-precompute-complete' --project='nba-props-platform' --message-retention-duration=86400s
fi

step 'topic prediction-request-prod'
if gcloud pubsub topics describe 'prediction-request-prod' --project='nba-props-platform' >/dev/null 2>&1; then
  echo 'there already, nothing to set'
else
  gcloud pubsub topics create 'prediction-request-prod' --project='nba-props-platform'
fi

step 'topic prediction-ready-prod'
if gcloud pubsub topics describe 'prediction-ready-prod' --project='nba-props-platform' >/dev/null 2>&1; then
  echo 'there already, nothing to set'
else
  gcloud pubsub topics create 'prediction-ready-prod' --project='nba-props-platform'
fi

step 'topic nba-phase5-predictions-complete'
if gcloud pubsub topics describe 'nba-phase5-predictions-complete' --project='nba-props-platform' >/dev/null 2>&1; then
  echo 'there already, nothing to set'
else
  gcloud pubsub topics create 'nba-phase5-predictions-complete' --project='nba-props-platform'
fi

step 'subscription nba-dlq-sub'
if gcloud pubsub subscriptions describe 'nba-dlq-sub' --project='nba-props-platform' >/dev/null 2>&1; then
  gcloud pubsub subscriptions update 'nba-dlq-sub' --project='nba-props-platform' --ack-deadline=60 --expiration-period=never --push-endpoint=
else
  gcloud pubsub subscriptions create 'nba-dlq-sub' --topic='nba-dlq' --project='nba-props-platform' --ack-deadline=60 --expiration-period=never --push-endpoint=
fi

step 'subscription nba-phase5-trigger-sub'
if gcloud pubsub subscriptions describe 'nba-phase5-trigger-sub' --project='nba-props-platform' >/dev/null 2>&1; then
  gcloud pubsub subscriptions update 'nba-phase5-trigger-sub' --project='nba-props-platform' --ack-deadline=60 --expiration-period=never --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic='nba-dlq' --max-delivery-attempts=100 --push-endpoint='https://prediction-coordinator.example.com/trigger' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience='https://prediction-coordinator.example.com'
else
  gcloud pubsub subscriptions create 'nba-phase5-trigger-sub' --topic='nba-phase4-precompute-complete' --project='nba-props-platform' --ack-deadline=60 --expiration-period=never --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic='nba-dlq' --max-delivery-attempts=100 --push-endpoint='https://prediction-coordinator.example.com/trigger' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience='https://prediction-coordinator.example.com'
fi

step 'subscription prediction-ready-prod-sub'
if gcloud pubsub subscriptions describe 'prediction-ready-prod-sub' --project='nba-props-platform' >/dev/null 2>&1; then
  gcloud pubsub subscriptions update 'prediction-ready-prod-sub' --project='nba-props-platform' --ack-deadline=60 --expiration-period=never --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic='nba-dlq' --max-delivery-attempts=100 --push-endpoint='https://prediction-coordinator.example.com/complete' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience='https://prediction-coordinator.example.com'
else
  gcloud pubsub subscriptions create 'prediction-ready-prod-sub' --topic='prediction-ready-prod' --project='nba-props-platform' --ack-deadline=60 --expiration-period=never --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic='nba-dlq' --max-delivery-attempts=100 --push-endpoint='https://prediction-coordinator.example.com/complete' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience='https://prediction-coordinator.example.com'
fi

step 'the workers'\'' subscription to prediction-request-prod'
SUBSCRIBERS=$(gcloud pubsub topics list-subscriptions 'prediction-request-prod' --project='nba-props-platform')
[ -n "$SUBSCRIBERS" ] || echo 'warning: nobody subscribes to it: requests would be lost' >&2

step 'scheduler job phase5-daily-backup'
if gcloud scheduler jobs describe 'phase5-daily-backup' --project='nba-props-platform' --location='us-west2' >/dev/null 2>&1; then
  gcloud scheduler jobs update http 'phase5-daily-backup' --project='nba-props-platform' --location='us-west2' --schedule='0 6 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/start' --http-method='POST' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --message-body='{"trigger_source":"scheduler_backup"}' --update-headers=Content-Type=application/json
else
  gcloud scheduler jobs create http 'phase5-daily-backup' --project='nba-props-platform' --location='us-west2' --schedule='0 6 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/start' --http-method='POST' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --message-body='{"trigger_source":"scheduler_backup"}' --headers=Content-Type=application/json
fi

step 'scheduler job phase5-retry-1'
if gcloud scheduler jobs describe 'phase5-retry-1' --project='nba-props-platform' --location='us-west2' >/dev/null 2>&1; then
  gcloud scheduler jobs update http 'phase5-retry-1' --project='nba-props-platform' --location='us-west2' --schedule='15 6 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/retry' --http-method='POST' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --message-body='{"trigger_source":"scheduler_retry"}' --update-headers=Content-Type=application/json
else
  gcloud scheduler jobs create http 'phase5-retry-1' --project='nba-props-platform' --location='us-west2' --schedule='15 6 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/retry' --http-method='POST' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --message-body='{"trigger_source":"scheduler_retry"}' --headers=Content-Type=application/json
fi

step 'scheduler job phase5-retry-2'
if gcloud scheduler jobs describe 'phase5-retry-2' --project='nba-props-platform' --location='us-west2' >/dev/null 2>&1; then
  gcloud scheduler jobs update http 'phase5-retry-2' --project='nba-props-platform' --location='us-west2' --schedule='30 6 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/retry' --http-method='POST' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --message-body='{"trigger_source":"scheduler_retry"}' --update-headers=Content-Type=application/json
else
  gcloud scheduler jobs create http 'phase5-retry-2' --project='nba-props-platform' --location='us-west2' --schedule='30 6 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/retry' --http-method='POST' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --message-body='{"trigger_source":"scheduler_retry"}' --headers=Content-Type=application/json
fi

step 'scheduler job phase5-status-check'
if gcloud scheduler jobs describe 'phase5-status-check' --project='nba-props-platform' --location='us-west2' >/dev/null 2>&1; then
  gcloud scheduler jobs update http 'phase5-status-check' --project='nba-props-platform' --location='us-west2' --schedule='0 7 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/status' --http-method='GET' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --update-headers=Content-Type=application/json
else
  gcloud scheduler jobs create http 'phase5-status-check' --project='nba-props-platform' --location='us-west2' --schedule='0 7 * * *' --time-zone='America/Los_Angeles' --uri='https://prediction-coordinator.example.com/status' --http-method='GET' --attempt-deadline=180s --oidc-service-account-email='tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --oidc-token-audience='https://prediction-coordinator.example.com' --headers=Content-Type=application/json
fi

step 'roles/pubsub.publisher for tipoff@nba-props-platform.iam.gserviceaccount.com'
gcloud pubsub topics add-iam-policy-binding 'prediction-request-prod' --project='nba-props-platform' --member='serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com' --role=roles/pubsub.publisher

step 'roles/pubsub.publisher for tipoff@nba-props-platform.iam.gserviceaccount.com'
gcloud pubsub topics add-iam-policy-binding 'nba-phase5-predictions-complete' --project='nba-props-platform' --member='serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com' --role=roles/pubsub.publisher

step 'roles/pubsub.publisher for service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com'
gcloud pubsub topics add-iam-policy-binding 'nba-dlq' --project='nba-props-platform' --member='serviceAccount:service-'"$PROJECT_NUMBER"'@gcp-sa-pubsub.iam.gserviceaccount.com' --role=roles/pubsub.publisher

step 'roles/pubsub.subscriber for service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com'
gcloud pubsub subscriptions add-iam-policy-binding 'nba-phase5-trigger-sub' --project='nba-props-platform' --member='serviceAccount:service-'"$PROJECT_NUMBER"'@gcp-sa-pubsub.iam.gserviceaccount.com' --role=roles/pubsub.subscriber

step 'roles/pubsub.subscriber for service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com'
gcloud pubsub subscriptions add-iam-policy-binding 'prediction-ready-prod-sub' --project='nba-props-platform' --member='serviceAccount:service-'"$PROJECT_NUMBER"'@gcp-sa-pubsub.iam.gserviceaccount.com' --role=roles/pubsub.subscriber

step 'roles/run.invoker for tipoff-push@nba-props-platform.iam.gserviceaccount.com'
if gcloud run services describe 'prediction-coordinator' --project='nba-props-platform' --region='us-west2' >/dev/null 2>&1; then
  gcloud run services add-iam-policy-binding 'prediction-coordinator' --project='nba-props-platform' --region='us-west2' --member='serviceAccount:tipoff-push@nba-props-platform.iam.gserviceaccount.com' --role=roles/run.invoker
else
  echo 'warning: the service is not deployed yet: run this again afterwards' >&2
fi

step 'roles/run.invoker for tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com'
if gcloud run services describe 'prediction-coordinator' --project='nba-props-platform' --region='us-west2' >/dev/null 2>&1; then
  gcloud run services add-iam-policy-binding 'prediction-coordinator' --project='nba-props-platform' --region='us-west2' --member='serviceAccount:tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com' --role=roles/run.invoker
else
  echo 'warning: the service is not deployed yet: run this again afterwards' >&2
fi

step 'roles/iam.serviceAccountTokenCreator for service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com'
gcloud iam service-accounts add-iam-policy-binding 'tipoff-push@nba-props-platform.iam.gserviceaccount.com' --project='nba-props-platform' --member='serviceAccount:service-'"$PROJECT_NUMBER"'@gcp-sa-pubsub.iam.gserviceaccount.com' --role=roles/iam.serviceAccountTokenCreator

step 'roles/pubsub.viewer for tipoff@nba-props-platform.iam.gserviceaccount.com'
gcloud projects add-iam-policy-binding 'nba-props-platform' --member='serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com' --role=roles/pubsub.viewer --condition=None

step 'roles/cloudscheduler.viewer for tipoff@nba-props-platform.iam.gserviceaccount.com'
gcloud projects add-iam-policy-binding 'nba-props-platform' --member='serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com' --role=roles/cloudscheduler.viewer --condition=None

step 'roles/monitoring.viewer for tipoff@nba-props-platform.iam.gserviceaccount.com'
gcloud projects add-iam-policy-binding 'nba-props-platform' --member='serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com' --role=roles/monitoring.viewer --condition=None

step 'roles/bigquery.jobUser for tipoff@nba-props-platform.iam.gserviceaccount.com'
gcloud projects add-iam-policy-binding 'nba-props-platform' --member='serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com' --role=roles/bigquery.jobUser --condition=None

step 'roles/bigquery.dataEditor for tipoff@nba-props-platform.iam.gserviceaccount.com'
bq query --project_id='nba-props-platform' --use_legacy_sql=false 'GRANT `roles/bigquery.dataEditor` ON SCHEMA `nba-props-platform`.`nba_reference` TO "serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com"'

step 'roles/bigquery.dataViewer for tipoff@nba-props-platform.iam.gserviceaccount.com'
bq query --project_id='nba-props-platform' --use_legacy_sql=false 'GRANT `roles/bigquery.dataViewer` ON SCHEMA `nba-props-platform`.`nba_predictions` TO "serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com"'

step 'roles/bigquery.dataViewer for tipoff@nba-props-platform.iam.gserviceaccount.com'
bq query --project_id='nba-props-platform' --use_legacy_sql=false 'GRANT `roles/bigquery.dataViewer` ON SCHEMA `nba-props-platform`.`nba_analytics` TO "serviceAccount:tipoff@nba-props-platform.iam.gserviceaccount.com"'

step 'alert policy prediction-coordinator: messages in nba-dlq-sub'
POLICY=$(gcloud monitoring policies list --project='nba-props-platform' --filter='display_name="prediction-coordinator: messages in nba-dlq-sub"' --format='value(name)')
if [ -n "$POLICY" ]; then
  gcloud monitoring policies update "$POLICY" --project='nba-props-platform' --policy='{"combiner":"OR","conditions":[{"conditionThreshold":{"aggregations":[{"alignmentPeriod":"60s","perSeriesAligner":"ALIGN_MAX"}],"comparison":"COMPARISON_GT","duration":"0s","filter":"metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.label.subscription_id=\"nba-dlq-sub\"","thresholdValue":0},"displayName":"prediction-coordinator: messages in nba-dlq-sub"}],"displayName":"prediction-coordinator: messages in nba-dlq-sub"}'
else
  gcloud monitoring policies create --project='nba-props-platform' --policy='{"combiner":"OR","conditions":[{"conditionThreshold":{"aggregations":[{"alignmentPeriod":"60s","perSeriesAligner":"ALIGN_MAX"}],"comparison":"COMPARISON_GT","duration":"0s","filter":"metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.label.subscription_id=\"nba-dlq-sub\"","thresholdValue":0},"displayName":"prediction-coordinator: messages in nba-dlq-sub"}],"displayName":"prediction-coordinator: messages in nba-dlq-sub"}'
fi
