//! The service on Cloud Run, as YAML for `gcloud run services replace`.
//!
//! Topics, jobs and accounts belong to `gcloud` and `terraform`.

use super::{
    plan::Plan,
    yaml::{CONFIG_FOLDER, PORT, image, quote, secret_name, secret_variables},
};
use crate::config::Profile;

/// The whole file.
pub fn render(plan: &Plan) -> String {
    let least = match plan.profile {
        Profile::AlwaysOn => 1,
        Profile::Frugal => 0,
    };
    let head = head(plan);
    let (name, account, image) = (
        quote(&plan.service),
        quote(&plan.service_account),
        quote(&image(plan)),
    );
    let secrets: String = secret_variables(plan).map(secret).collect();
    format!(
        r#"{head}apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: {name}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/minScale: "{least}"
        # One process owns the state: never more than one.
        autoscaling.knative.dev/maxScale: "1"
        # Timers and messages go on between requests.
        run.googleapis.com/cpu-throttling: "false"
    spec:
      serviceAccountName: {account}
      containers:
        - image: {image}
          ports:
            - name: http1
              containerPort: {PORT}
          env:
            - name: TIPOFF_ADDRESS
              value: "0.0.0.0"
            - name: TIPOFF_CONFIG
              value: {CONFIG_FOLDER}/tipoff.toml
{secrets}          resources:
            limits:
              cpu: "1"
              memory: 512Mi
          startupProbe:
            httpGet: {{path: /health, port: {PORT}}}
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: {{path: /health, port: {PORT}}}
            periodSeconds: 30
            timeoutSeconds: 5
            failureThreshold: 3
          volumeMounts:
            - name: config
              mountPath: {CONFIG_FOLDER}
      volumes:
        - name: config
          secret:
            secretName: tipoff-config
            items:
              - key: latest
                path: tipoff.toml
  traffic:
    - percent: 100
      latestRevision: true
"#
    )
}

fn head(plan: &Plan) -> String {
    format!(
        "# Written by `tipoff infra cloud-run`.\n\
         #   gcloud secrets create tipoff-config --data-file=tipoff.toml\n\
         #   gcloud run services replace FILE --project={} --region={}\n\
         # The service's account needs roles/secretmanager.secretAccessor on every secret named here.\n\
         # Managed Service for Prometheus reads it through Google's sidecar, whose own settings are this service's (port\n\
         # {PORT}, /metrics, every 30 s): https://cloud.google.com/run/docs/monitoring-managed-prometheus-sidecar\n\
         #\n\
         # THE STATE DOES NOT SURVIVE THE INSTANCE: Cloud Run's disk is the instance's memory. A new revision, a crash or\n\
         # a move begins with an empty store, which forgets alerts, silences and what was sent. A store in PostgreSQL,\n\
         # which would outlive it, is not there yet; where a night must not be forgotten, use a disk: kubernetes, systemd.\n",
        plan.project, plan.region
    )
}

fn secret(variable: &str) -> String {
    format!(
        "            - name: {variable}\n              valueFrom:\n                secretKeyRef:\n                  \
         name: {}\n                  key: latest\n",
        secret_name(variable)
    )
}
