//! Texts in YAML that stay one text, whatever is in them, and what both kinds of manifest say alike.
//!
//! Which manifests there are belongs to `cloud_run` and `kubernetes`.

use super::plan::Plan;

/// Where the image keeps the configuration's folder.
pub const CONFIG_FOLDER: &str = "/etc/tipoff";
/// The port inside the container, as the image says it.
pub const PORT: u16 = 8080;

/// The text in double quotes; a string of JSON is one of YAML too (<https://yaml.org/spec/1.2.2/>).
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The image in the project's own registry, with this program's version.
pub fn image(plan: &Plan) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{}-docker.pkg.dev/{}/tipoff/tipoff:{version}",
        plan.region, plan.project
    )
}

/// The environment variables that hold secrets; secrets in files are named by settings, and are not among them.
pub fn secret_variables(plan: &Plan) -> impl Iterator<Item = &str> {
    let names = plan.secrets.iter().map(String::as_str);
    let is_setting = |name: &str| name.contains(|letter: char| letter.is_ascii_lowercase());
    names.filter(move |name| !is_setting(name))
}

/// A secret's name where capital letters and underscores are not taken.
pub fn secret_name(variable: &str) -> String {
    variable.to_lowercase().replace('_', "-")
}
