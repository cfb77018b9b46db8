//! `token`: makes a named token, shows it once, and the lines of the configuration that let its holder in.
//!
//! Nothing is kept: the configuration holds the hash only. What a role may do belongs to `http`.

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;

use crate::config::{NamedToken, Role};

/// As many as nobody can try.
const TOKEN_BYTES: usize = 32;
/// What tools that look for leaked secrets can find it by.
const PREFIX: &str = "tipoff_";

/// Arguments of `token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose it is; stands in the history with each of their actions
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What its holder may do
    #[arg(long, value_name = "ROLE", value_enum, default_value_t = Holder::Person)]
    pub role: Holder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Who holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Holder {
    /// Everything that people do
    Person,
    /// Pushes of events and completions, and nothing else
    Worker,
}

/// Makes a token and prints it.
///
/// # Errors
///
/// When the name could not stand in a configuration.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    print!("{}", text(&args, &fresh())?);
    Ok(ExitCode::SUCCESS)
}

/// A token that nobody had before: 256 random bits.
pub fn fresh() -> String {
    let bytes: [u8; TOKEN_BYTES] = rand::random();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}")
}

fn text(args: &Args, token: &str) -> anyhow::Result<String> {
    let name = args.name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.contains(char::is_control) {
        anyhow::bail!("name {name:?}: write whose token it is, with at most 64 characters");
    }
    let (role, role_name) = match args.role {
        Holder::Person => (Role::Person, "person"),
        Holder::Worker => (Role::Worker, "worker"),
    };
    let sha256 = NamedToken::of(name, role, token).sha256_text();
    if args.json {
        let shown = json!({"name": name, "role": role_name, "token": token, "sha256": sha256});
        return Ok(format!("{shown:#}\n"));
    }
    let quoted = toml::Value::from(name);
    Ok(format!(
        "{token}\n\nThis is shown once: give it to {name}. The configuration takes its hash:\n\n\
         [[tokens]]\nname = {quoted}\nsha256 = \"{sha256}\"\nrole = \"{role_name}\"\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Args, Holder, fresh, text};
    use crate::config::{self, Environment, NamedToken, Role};

    fn args(json: bool) -> Args {
        Args {
            name: "dana \"d\"".to_owned(),
            role: Holder::Worker,
            json,
        }
    }

    #[test]
    fn the_printed_lines_let_the_holder_in_and_do_not_hold_the_token() {
        let token = fresh();
        let printed = text(&args(false), &token).unwrap();
        let lines = &printed[printed.find("[[tokens]]").unwrap()..];
        assert!(!lines.contains(&token));
        let config = config::parse(lines, Path::new("."), &Environment::default()).unwrap();
        let found = NamedToken::find(&config.tokens, &token).unwrap();
        assert_eq!(
            (found.name.as_str(), found.role),
            ("dana \"d\"", Role::Worker)
        );
        let shown = format!("{config:?}");
        assert!(!shown.contains(&found.sha256_text()) && !shown.contains(&token));
    }

    #[test]
    fn each_token_is_new_and_long() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one, other);
        assert_eq!(one.len(), "tipoff_".len() + 64);
        let shown: serde_json::Value =
            serde_json::from_str(&text(&args(true), &one).unwrap()).unwrap();
        assert_eq!(shown["token"], one.as_str());
        assert_eq!(shown["role"], "worker");
    }

    #[test]
    fn a_name_that_no_configuration_takes_is_refused() {
        for name in ["", "  ", "a\nb", &"a".repeat(65)] {
            let args = Args {
                name: name.to_owned(),
                ..args(false)
            };
            assert!(text(&args, "t").is_err(), "{name:?}");
        }
    }
}
