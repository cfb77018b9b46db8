//! Who may call, as the check shows it: names, roles, accounts and audience; never a token, nor its hash.
//!
//! What each may call belongs to `http`.

use serde_json::{Value, json};

use crate::config::{Config, Identity, Role};

/// One line for each who may call beside the holders of the shared token.
pub(super) fn lines(config: &Config) -> Vec<String> {
    let tokens = config
        .tokens
        .iter()
        .map(|token| format!("token of       {} ({})", token.name, role(token.role)));
    let accounts = identity(config).into_iter().flat_map(|(audience, it)| {
        let listed = |title: &str, accounts: &[String]| {
            let one = |account: &String| format!("{title:<15}{account}");
            accounts.iter().map(one).collect::<Vec<_>>()
        };
        [
            vec![format!("identities for {audience}")],
            listed("pushes by", &it.push_accounts),
            listed("schedules by", &it.scheduler_accounts),
        ]
        .concat()
    });
    tokens.chain(accounts).collect()
}

/// The same as JSON.
pub(super) fn json(config: &Config) -> Value {
    let tokens = config.tokens.iter();
    let tokens: Vec<Value> = tokens
        .map(|token| json!({"name": token.name, "role": role(token.role)}))
        .collect();
    let identities = identity(config).map(|(audience, it)| {
        json!({
            "audience": audience,
            "push_accounts": it.push_accounts,
            "scheduler_accounts": it.scheduler_accounts,
        })
    });
    json!({"tokens": tokens, "identities": identities})
}

/// The accounts that are believed and for which audience; `None`: none are.
fn identity(config: &Config) -> Option<(&str, &Identity)> {
    let identity = &config.google.as_ref()?.identity;
    Some((identity.audience.as_deref()?, identity))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Person => "person",
        Role::Worker => "worker",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{json, lines};
    use crate::config::{self, Environment};

    #[test]
    fn who_may_call_is_shown_and_no_hash() {
        let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let text = format!(
            "public_url = \"https://t.example.com\"\n[[tokens]]\nname = \"dana\"\nsha256 = \"{sha256}\"\n\
             [google]\nproject = \"p\"\ncredentials = \"none\"\n"
        );
        let config = config::parse(&text, Path::new("."), &Environment::default()).unwrap();
        assert_eq!(
            lines(&config),
            [
                "token of       dana (person)",
                "identities for https://t.example.com",
                "pushes by      tipoff-push@p.iam.gserviceaccount.com",
                "schedules by   tipoff-scheduler@p.iam.gserviceaccount.com",
            ]
        );
        let shown = json(&config);
        assert_eq!(shown["tokens"][0]["name"], "dana");
        assert_eq!(shown["identities"]["audience"], "https://t.example.com");
        for text in [
            shown.to_string(),
            lines(&config).join("\n"),
            format!("{config:?}"),
        ] {
            assert!(
                !text.contains(sha256) && !text.contains("159, 134, 208"),
                "{text}"
            );
        }
    }
}
