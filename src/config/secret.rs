//! Secrets of channels and of the heartbeat: read once, from a file or the environment, never printed.
//!
//! The token that callers carry belongs to `token`, what a secret opens to whoever uses it.

use std::{fmt, path::Path};

use super::{Environment, Error};

/// The environment variables that hold secrets of channels and of the heartbeat.
pub(super) const VARIABLES: [&str; 4] = [
    "TIPOFF_HEARTBEAT_URL",
    "TIPOFF_SLACK_TOKEN",
    "TIPOFF_SLACK_WEBHOOK_URL",
    "TIPOFF_SMTP_PASSWORD",
];

/// A text that is shown to no one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    source: String,
}

impl Secret {
    /// A secret, and what people call the place it comes from, for example `token_file`.
    pub fn new(text: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            source: source.into(),
        }
    }

    /// The secret itself, for whoever it opens.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What people look for when it is wrong: a variable, or a setting of this section.
    pub(super) fn field(&self, section: &str) -> String {
        if VARIABLES.contains(&self.source.as_str()) {
            self.source.clone()
        } else {
            format!("{section}.{}", self.source)
        }
    }

    /// Where it comes from: a setting's name or an environment variable.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Where secrets are looked for.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    /// The folder that files are named from.
    pub folder: &'a Path,
    /// The variables that are set.
    pub environment: &'a Environment,
}

/// Where one secret may be.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// The section it belongs to, for example `channels.slack`.
    pub section: &'a str,
    /// Its own name; with `_file` behind it, the setting that names its file.
    pub name: &'static str,
    /// Its file, if one is named.
    pub file: Option<&'a Path>,
    /// The environment variable that may hold it.
    pub variable: Option<&'static str>,
}

impl Sources<'_> {
    /// The secret of one of its places, not of two; `None`: it is in none.
    pub(super) fn read(&self, places: Places<'_>) -> Result<Option<Secret>, Error> {
        let setting = format!("{}_file", places.name);
        let field = format!("{}.{setting}", places.section);
        let variable = places
            .variable
            .and_then(|name| Some((name, self.environment.get(name)?)));
        match (variable, places.file) {
            (None, None) => Ok(None),
            (Some((name, text)), None) => {
                stripped(text, name).map(|text| Some(Secret::new(text, name)))
            }
            (Some((name, _)), Some(path)) => Err(Error::value(
                &field,
                path.display(),
                format!("it is given twice: unset {name} or remove {setting}"),
            )),
            (None, Some(path)) => {
                let path = self.folder.join(path);
                let text = std::fs::read_to_string(&path).map_err(|source| Error::File {
                    what: field.clone(),
                    path,
                    source,
                })?;
                let text = stripped(&text, &field)?;
                Ok(Some(Secret::new(text, setting)))
            }
        }
    }
}

/// The text without the blanks and line ends around it.
fn stripped<'a>(text: &'a str, field: &str) -> Result<&'a str, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::value(field, "(empty)", "put the secret there"));
    }
    if text.contains(char::is_control) {
        return Err(Error::value(
            field,
            "(hidden)",
            "holds more than one line: keep the secret alone there",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Environment, Path, Places, Secret, Sources};

    fn places() -> Places<'static> {
        Places {
            section: "channels.slack",
            name: "token",
            file: Some(Path::new("token")),
            variable: Some("TIPOFF_SLACK_TOKEN"),
        }
    }

    fn variable(text: &str) -> Environment {
        Environment::of([("TIPOFF_SLACK_TOKEN".to_owned(), text.to_owned())])
    }

    #[test]
    fn an_unreadable_empty_or_doubled_secret_is_refused_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |environment: &Environment| {
            let sources = Sources {
                folder: folder.path(),
                environment,
            };
            sources.read(places()).unwrap_err().to_string()
        };
        let missing = refused(&Environment::default());
        assert!(missing.contains("channels.slack.token_file"), "{missing}");
        for (content, word) in [(" \n", "(empty)"), ("hush\nhush", "more than one line")] {
            std::fs::write(folder.path().join("token"), content).unwrap();
            let error = refused(&Environment::default());
            assert!(error.contains("channels.slack.token_file"), "{error}");
            assert!(error.contains(word) && !error.contains("hush"), "{error}");
        }
        let twice = refused(&variable("hush"));
        assert!(twice.contains("unset TIPOFF_SLACK_TOKEN"), "{twice}");
        assert!(!twice.contains("hush"), "{twice}");
        let blank = Sources {
            folder: folder.path(),
            environment: &variable("  "),
        };
        let blank = blank.read(Places {
            file: None,
            ..places()
        });
        assert!(
            blank
                .unwrap_err()
                .to_string()
                .contains("TIPOFF_SLACK_TOKEN = (empty)")
        );
    }

    #[test]
    fn a_secret_comes_from_its_file_and_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hush\n").unwrap();
        let sources = Sources {
            folder: folder.path(),
            environment: &Environment::default(),
        };
        let read = sources.read(places()).unwrap().unwrap();
        assert_eq!(read, Secret::new("hush", "token_file"));
        assert_eq!(format!("{read:?}"), "Secret(hidden)");
    }
}
