#!/usr/bin/env bash
# Written by `tipoff infra rollback`. Deletes nothing. Call it with one of:
#   events                stop the pushes; Pub/Sub keeps the messages
#   schedule              pause the jobs of Cloud Scheduler
#   whole PREVIOUS_URL    pause the jobs, give the pushes to the previous coordinator
#   undo                  give the pushes back to this service, resume the jobs
set -euo pipefail

step() { printf '== %s\n' "$*"; }

stop_events() {
  step 'subscriptions'
  gcloud pubsub subscriptions modify-push-config 'nba-phase5-trigger-sub' --project='nba-props-platform' --push-endpoint=
  gcloud pubsub subscriptions modify-push-config 'prediction-ready-prod-sub' --project='nba-props-platform' --push-endpoint=
}

take_back() {
  step 'subscriptions'
  gcloud pubsub subscriptions modify-push-config 'nba-phase5-trigger-sub' --project='nba-props-platform' --push-endpoint='https://prediction-coordinator.example.com/trigger' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience='https://prediction-coordinator.example.com'
  gcloud pubsub subscriptions modify-push-config 'prediction-ready-prod-sub' --project='nba-props-platform' --push-endpoint='https://prediction-coordinator.example.com/complete' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience='https://prediction-coordinator.example.com'
}

hand_over() {
  step 'subscriptions'
  gcloud pubsub subscriptions modify-push-config 'nba-phase5-trigger-sub' --project='nba-props-platform' --push-endpoint="$1"'/trigger' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience="$1"
  gcloud pubsub subscriptions modify-push-config 'prediction-ready-prod-sub' --project='nba-props-platform' --push-endpoint="$1"'/complete' --push-auth-service-account='tipoff-push@nba-props-platform.iam.gserviceaccount.com' --push-auth-token-audience="$1"
}

pause_schedule() {
  step 'pause the schedule'
  gcloud scheduler jobs pause 'phase5-daily-backup' --project='nba-props-platform' --location='us-west2'
  gcloud scheduler jobs pause 'phase5-retry-1' --project='nba-props-platform' --location='us-west2'
  gcloud scheduler jobs pause 'phase5-retry-2' --project='nba-props-platform' --location='us-west2'
  gcloud scheduler jobs pause 'phase5-status-check' --project='nba-props-platform' --location='us-west2'
}

resume_schedule() {
  step 'resume the schedule'
  gcloud scheduler jobs resume 'phase5-daily-backup' --project='nba-props-platform' --location='us-west2'
  gcloud scheduler jobs resume 'phase5-retry-1' --project='nba-props-platform' --location='us-west2'
  gcloud scheduler jobs resume 'phase5-retry-2' --project='nba-props-platform' --location='us-west2'
  gcloud scheduler jobs resume 'phase5-status-check' --project='nba-props-platform' --location='us-west2'
}

case "${1:-}" in
  events) stop_events ;;
  schedule) pause_schedule ;;
  whole)
    : "${2:?name the address of the previous coordinator}"
    pause_schedule
    hand_over "${2%/}"
    ;;
  undo)
    take_back
    resume_schedule
    ;;
  *)
    echo 'call it with events, schedule, whole PREVIOUS_URL or undo' >&2
    exit 2
    ;;
esac
