//! The service in a cluster with a disk, as YAML for `kubectl apply`.
//!
//! Topics, jobs and accounts belong to `gcloud` and `terraform`; what is scraped means, to `telemetry`.

use super::{
    plan::Plan,
    yaml::{CONFIG_FOLDER, PORT, image, quote, secret_variables},
};

/// The uid and gid in the image.
const USER: u32 = 10001;
/// How often the metrics are read, as the shipped rules for Prometheus expect it.
const SCRAPE: &str = "30s";

/// The whole file; `settings` is the configuration's own text.
pub fn render(plan: &Plan, settings: &str) -> String {
    let parts = [
        identity_and_settings(plan, settings),
        deployment(plan),
        reached_and_scraped(plan),
    ];
    format!("{}{}", head(plan), parts.join("---\n"))
}

fn head(plan: &Plan) -> String {
    format!(
        "# Written by `tipoff infra kubernetes`. Apply it again after every change, then\n\
         #   kubectl rollout restart deployment/{name}\n\
         # Secrets are variables of the secret {name}: kubectl create secret generic {name} --from-literal=TIPOFF_TOKEN=…\n\
         # Files that the configuration names (season_file, …_file) are not in the ConfigMap: add them to it.\n\
         # The account {account} needs roles/iam.workloadIdentityUser for this service account.\n",
        name = plan.service,
        account = plan.service_account,
    )
}

fn identity_and_settings(plan: &Plan, settings: &str) -> String {
    let (name, account) = (quote(&plan.service), quote(&plan.service_account));
    let indented = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("    {line}\n"),
    };
    let settings: String = settings.lines().map(indented).collect();
    format!(
        r"apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
  annotations:
    iam.gke.io/gcp-service-account: {account}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  tipoff.toml: |2
{settings}---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
"
    )
}

fn deployment(plan: &Plan) -> String {
    let (name, container) = (quote(&plan.service), container(plan));
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  # One process owns the state: never two, not even for a moment.
  replicas: 1
  strategy:
    type: Recreate
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      serviceAccountName: {name}
      securityContext:
        runAsNonRoot: true
        runAsUser: {USER}
        runAsGroup: {USER}
        fsGroup: {USER}
        seccompProfile:
          type: RuntimeDefault
      containers:
{container}      volumes:
        - name: data
          persistentVolumeClaim:
            claimName: {name}
        - name: config
          configMap:
            name: {name}
"#
    )
}

fn container(plan: &Plan) -> String {
    let image = quote(&image(plan));
    let secrets: String = std::iter::once("TIPOFF_TOKEN")
        .chain(secret_variables(plan))
        .map(|variable| secret(variable, &plan.service))
        .collect();
    format!(
        r#"        - name: tipoff
          image: {image}
          ports:
            - name: http
              containerPort: {PORT}
          env:
            - name: TIPOFF_ADDRESS
              value: "0.0.0.0"
            - name: TIPOFF_CONFIG
              value: {CONFIG_FOLDER}/tipoff.toml
            - name: TIPOFF_DATA
              value: /data
{secrets}          resources:
            requests:
              cpu: 100m
              memory: 512Mi
            limits:
              memory: 512Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          startupProbe:
            httpGet: {{path: /health, port: http}}
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: {{path: /health, port: http}}
            periodSeconds: 30
            timeoutSeconds: 5
          volumeMounts:
            - name: data
              mountPath: /data
            - name: config
              mountPath: {CONFIG_FOLDER}
              readOnly: true
"#
    )
}

fn secret(variable: &str, name: &str) -> String {
    let optional = match variable {
        // Where callers are known by Google's identities or by [[tokens]] alone, there is none.
        "TIPOFF_TOKEN" => "\n                  optional: true",
        _ => "",
    };
    format!(
        "            - name: {variable}\n              valueFrom:\n                secretKeyRef:\n                  \
         name: {}\n                  key: {variable}{optional}\n",
        quote(name)
    )
}

fn reached_and_scraped(plan: &Plan) -> String {
    let name = quote(&plan.service);
    format!(
        r"apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
    - name: http
      port: 80
      targetPort: http
---
# Google's managed Prometheus; elsewhere a ServiceMonitor or a scrape job says the same.
apiVersion: monitoring.googleapis.com/v1
kind: PodMonitoring
metadata:
  name: {name}
spec:
  selector:
    matchLabels:
      app: {name}
  endpoints:
    - port: http
      path: /metrics
      interval: {SCRAPE}
"
    )
}
