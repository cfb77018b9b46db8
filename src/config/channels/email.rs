//! Mail: the server, how it is spoken to, and who gets what no one else does.
//!
//! What every channel may be given belongs to `channels`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    config::{
        Error, Secret,
        address::{self, is_loopback},
        secret::{Places, Sources},
    },
    domain::routing::Person,
};

const PASSWORD: &str = "TIPOFF_SMTP_PASSWORD";

/// A mail server and what is sent over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// What it is opened with; `None`: the server asks for nothing.
    pub credentials: Option<Credentials>,
    /// A file with certificates that are trusted besides the usual ones, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whom mail comes from.
    pub from: String,
    /// Who gets mail where no person of the role has an address.
    pub to: Vec<String>,
}

/// Who the service is for a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Its name there.
    pub username: String,
    /// Its password there.
    pub password: Secret,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// From the first byte on.
    Tls,
    /// It begins plain and has to change to TLS before anything is said.
    #[default]
    Starttls,
    /// Not at all: to this machine itself.
    None,
}

impl Security {
    /// The port that servers listen on for it.
    fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

/// What a channel of this kind is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    host: String,
    port: Option<u16>,
    security: Security,
    username: Option<String>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    from: Option<String>,
    to: Vec<String>,
}

impl Section {
    /// A mail server that can be reached safely, and somebody to write to.
    pub(super) fn read(
        self,
        field: &str,
        people: &[Person],
        sources: Sources<'_>,
    ) -> Result<Email, Error> {
        self.check_server(field)?;
        let credentials = self.credentials(field, sources)?;
        let Some(from) = &self.from else {
            return Err(Error::value(
                format!("{field}.from"),
                "(not given)",
                "write the address that mail comes from, such as tipoff@example.com",
            ));
        };
        let from = address::mailbox(from, &format!("{field}.from"))?;
        let addresses = self.to.iter().enumerate();
        let to = addresses
            .map(|(index, text)| address::mailbox(text, &format!("{field}.to[{index}]")))
            .collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() && people.iter().all(|person| person.email.is_none()) {
            return Err(Error::value(
                format!("{field}.to"),
                "[]",
                "mail would go to nobody: write an address here, or give one of the people an email",
            ));
        }
        let ca_file = self.ca_file.map(|path| sources.folder.join(path));
        if let Some(path) = &ca_file {
            check_certificates(path, &format!("{field}.ca_file"))?;
        }
        Ok(Email {
            host: self.host,
            port: self.port.unwrap_or(self.security.port()),
            security: self.security,
            credentials,
            ca_file,
            from,
            to,
        })
    }

    fn check_server(&self, field: &str) -> Result<(), Error> {
        let in_name = |letter: char| letter.is_ascii_alphanumeric() || ".-_:".contains(letter);
        if self.host.is_empty() || self.host.contains("://") || !self.host.chars().all(in_name) {
            return Err(Error::value(
                format!("{field}.host"),
                format!("{:?}", self.host),
                "write the mail server's name alone, such as smtp.example.com",
            ));
        }
        if self.port == Some(0) {
            return Err(Error::value(
                format!("{field}.port"),
                0,
                "write the server's port, such as 587",
            ));
        }
        if self.security == Security::None && !is_loopback(&self.host) {
            return Err(Error::value(
                format!("{field}.security"),
                "\"none\"",
                format!(
                    "anyone on the way to {} could read and change mail: write starttls or tls",
                    self.host
                ),
            ));
        }
        Ok(())
    }

    fn credentials(&self, field: &str, sources: Sources<'_>) -> Result<Option<Credentials>, Error> {
        let Some(username) = &self.username else {
            return match &self.password_file {
                Some(path) => Err(Error::value(
                    format!("{field}.password_file"),
                    path.display(),
                    "a password needs its username: write it, too",
                )),
                None => Ok(None),
            };
        };
        if username.trim().is_empty() {
            return Err(Error::value(
                format!("{field}.username"),
                format!("{username:?}"),
                "write the name, or remove it where the server asks for none",
            ));
        }
        let password = sources.read(Places {
            section: field,
            name: "password",
            file: self.password_file.as_deref(),
            variable: Some(PASSWORD),
        })?;
        let Some(password) = password else {
            return Err(Error::value(
                format!("{field}.password_file"),
                "(not given)",
                format!("{username} needs a password: name password_file or set {PASSWORD}"),
            ));
        };
        Ok(Some(Credentials {
            username: username.clone(),
            password,
        }))
    }
}

fn check_certificates(path: &std::path::Path, field: &str) -> Result<(), Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        what: field.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(());
    }
    Err(Error::value(
        field,
        path.display(),
        "holds no certificate: name a file with -----BEGIN CERTIFICATE-----",
    ))
}
