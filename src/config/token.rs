//! The token that calls have to carry: read once, compared in constant time, never printed.
//!
//! Which calls need it belongs to `http`; identities of pushes belong there too.

use std::{fmt, path::Path};

use subtle::ConstantTimeEq;

use super::{Environment, Error};

/// Shorter ones can be guessed.
const CHARACTERS_MIN: usize = 16;

/// A secret that callers share with the service.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token of at least 16 printable ASCII characters without blanks.
    fn new(text: &str, field: &str) -> Result<Self, Error> {
        let text = text.trim();
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::value(
                field,
                "(hidden)",
                "use printable ASCII characters without blanks",
            ));
        }
        if text.len() < CHARACTERS_MIN {
            return Err(Error::value(
                field,
                "(hidden)",
                format!(
                    "has {} characters; use at least {CHARACTERS_MIN}, for example from: openssl rand -hex 32",
                    text.len()
                ),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The token itself, for the calls that the service's own workers make to it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a caller's text is this token, in a time that does not tell how much of it is right.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The token of `TIPOFF_TOKEN` or of the file named in the configuration, not of both.
pub(super) fn read(
    file: Option<&Path>,
    folder: &Path,
    environment: &Environment,
) -> Result<Option<Token>, Error> {
    match (environment.get("TIPOFF_TOKEN"), file) {
        (None, None) => Ok(None),
        (Some(text), None) => Token::new(text, "TIPOFF_TOKEN").map(Some),
        (Some(_), Some(path)) => Err(Error::value(
            "token_file",
            path.display(),
            "the token is given twice: unset TIPOFF_TOKEN or remove token_file",
        )),
        (None, Some(path)) => {
            let path = folder.join(path);
            let text = std::fs::read_to_string(&path).map_err(|source| Error::File {
                what: "the token file".to_owned(),
                path,
                source,
            })?;
            Token::new(&text, "token_file").map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_is_matched_whole_and_never_printed() {
        let token = Token::new("0123456789abcdef\n", "TIPOFF_TOKEN").unwrap();
        assert!(token.matches("0123456789abcdef"));
        for wrong in [
            "",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789abcdeF",
        ] {
            assert!(!token.matches(wrong), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }

    #[test]
    fn a_refused_token_is_not_in_the_message() {
        for weak in [
            "hunter2",
            "with a blank in the middle",
            "schlüssel-schlüssel",
        ] {
            let error = Token::new(weak, "TIPOFF_TOKEN").unwrap_err().to_string();
            assert!(
                !error.contains(weak) && error.contains("TIPOFF_TOKEN"),
                "{error}"
            );
        }
    }
}
