//! `[[tokens]]`: the named tokens of people and workers, of which only the hashes are kept.
//!
//! Which calls a role may make belongs to `http`; the shared token belongs to `token`.

use std::{collections::BTreeSet, fmt};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::Error;

/// What a token's holder may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything that people do.
    #[default]
    Person,
    /// Push events and completions, and nothing else.
    Worker,
}

/// A named token, as its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedToken {
    /// Whose it is; stands in the history with each action.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    sha256: [u8; 32],
}

impl NamedToken {
    /// The token of this text, kept as its hash.
    pub fn of(name: impl Into<String>, role: Role, token: &str) -> Self {
        Self {
            name: name.into(),
            role,
            sha256: Sha256::digest(token.as_bytes()).into(),
        }
    }

    /// The hash as it stands in the configuration, 64 hexadecimal digits.
    pub fn sha256_text(&self) -> String {
        self.sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The one of these tokens that was presented, in a time that tells neither which it is nor how much is right:
    /// all are compared.
    pub fn find<'a>(tokens: &'a [Self], presented: &str) -> Option<&'a Self> {
        let hash: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut found = u32::MAX;
        for (index, token) in (0_u32..).zip(tokens) {
            found.conditional_assign(&index, token.sha256.ct_eq(&hash));
        }
        tokens.get(found as usize)
    }
}

impl fmt::Debug for NamedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedToken({}, {:?}, hidden)", self.name, self.role)
    }
}

/// One `[[tokens]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    name: String,
    sha256: String,
    role: Role,
}

/// All named tokens. Each name and each token is there once.
pub(super) fn read_all(sections: Vec<Section>) -> Result<Vec<NamedToken>, Error> {
    let (mut names, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    let mut tokens = Vec::new();
    for (index, section) in sections.into_iter().enumerate() {
        let field = |name: &str| format!("tokens[{index}].{name}");
        let name = section.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 64 || name.contains(char::is_control) {
            let fix = "write whose token it is, with at most 64 characters";
            return Err(Error::value(field("name"), format!("{name:?}"), fix));
        }
        let sha256 = hash(&section.sha256, field("sha256"))?;
        if !names.insert(name.clone()) {
            let fix = "another token has this name: give each its own";
            return Err(Error::value(field("name"), format!("{name:?}"), fix));
        }
        if !hashes.insert(sha256) {
            let fix = "another name has this token: make a new one with `tipoff token`";
            return Err(Error::value(field("sha256"), "(hidden)", fix));
        }
        tokens.push(NamedToken {
            name,
            role: section.role,
            sha256,
        });
    }
    Ok(tokens)
}

fn hash(text: &str, field: String) -> Result<[u8; 32], Error> {
    let bytes: Option<Vec<u8>> = (text.len() == 64 && text.is_ascii())
        .then(|| {
            (0..64)
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
                .collect()
        })
        .flatten();
    let read = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let fix = "write the 64 hexadecimal digits that `tipoff token` prints; the token itself goes to its holder";
    read.ok_or_else(|| Error::value(field, "(hidden)", fix))
}

#[cfg(test)]
mod tests {
    use super::{NamedToken, Role};

    #[test]
    fn each_token_is_found_and_no_other_and_none_is_printed() {
        let tokens = ["dana", "kim", "workers"]
            .map(|name| NamedToken::of(name, Role::Worker, &format!("token-of-{name}")));
        for token in &tokens {
            let presented = format!("token-of-{}", token.name);
            assert_eq!(NamedToken::find(&tokens, &presented), Some(token));
            let printed = format!("{token:?}");
            assert!(!printed.contains(&presented) && !printed.contains(&token.sha256_text()));
        }
        for wrong in ["", "token-of-", "token-of-dana ", "dana"] {
            assert_eq!(NamedToken::find(&tokens, wrong), None);
        }
        assert_eq!(NamedToken::find(&[], "token-of-dana"), None);
    }
}
