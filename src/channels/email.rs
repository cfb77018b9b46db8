//! Mail over SMTP: one mail a parcel, to its whole audience at once.
//!
//! A server may refuse one reader and take another. The mail then goes to whoever it takes, and the failure names the
//! others. Who has it already is kept in memory by its `Message-ID`, so that the next try reaches only those without
//! it; after a restart everyone gets it again, under the same `Message-ID`. How a mail looks belongs to `message` and
//! `render`, the conversation with the server to `server`, and when it is tried again to `domain::routing`.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    clock::Clock,
    domain::{ids::ChannelId, routing::Failure},
    ports::{
        Channel,
        notice::{Parcel, Receipt},
    },
    render::letter::Letter,
};

mod message;
mod readers;
mod server;
mod trouble;

use message::Heading;
use readers::{Reached, Reader, Readers};
use server::{Mail, Server};
use trouble::{Refusal, clean, permanent, refused};

/// Which server is used, and how.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// The server's name, which its certificate has to carry, or its address.
    pub host: String,
    /// Its port: 465 for [`Security::Tls`], 587 for [`Security::StartTls`], 25 for a local relay.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The user and the password to sign in with; `None`: the server takes mail without.
    pub account: Option<(String, Password)>,
    /// Certificates, as PEM, of an authority that is trusted beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// The sender's address.
    pub from: String,
    /// Who gets a message whose audience has no mail address.
    pub to: Vec<String>,
    /// How long connecting to one of the server's addresses may take.
    pub connect_timeout: Duration,
    /// How long a connection is kept for the next mail: less than five minutes, after which servers end it (RFC 5321,
    /// 4.5.3.2.7).
    pub kept_for: Duration,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after `STARTTLS`; a server that does not offer it is sent nothing.
    StartTls,
    /// Not at all: for a relay on the same machine.
    None,
}

/// A password, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a password as it is.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// Settings that no mail can be sent with.
#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    /// An address that is none.
    #[error("{field}: `{given}` is no mail address ({why}); write one like tipoff@example.com")]
    Address {
        /// The setting: `from` or `to`.
        field: &'static str,
        /// What it says.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file of certificates cannot be read.
    #[error("ca_file: {}: {source}; name a readable PEM file", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file of certificates holds none that can be used.
    #[error("ca_file: {}: {why}; name a PEM file with BEGIN CERTIFICATE", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("setting up TLS for {host}: {source}")]
    Tls {
        /// The server.
        host: String,
        /// What went wrong.
        source: lettre::transport::smtp::Error,
    },
}

/// Sends messages by mail.
pub struct Email {
    channel: ChannelId,
    from: lettre::Address,
    to: Vec<Reader>,
    server: Server,
    reached: Reached,
    clock: Arc<dyn Clock>,
}

impl Email {
    /// A channel of this name. Nothing is connected before the first message.
    ///
    /// # Errors
    /// An address is malformed, or `ca_file` holds no certificate.
    pub fn new(
        channel: ChannelId,
        settings: EmailSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EmailError> {
        let wrong = |field, given: &str, why| EmailError::Address {
            field,
            given: clean(given),
            why,
        };
        let from =
            readers::address(&settings.from).map_err(|why| wrong("from", &settings.from, why))?;
        let defaults = settings.to.iter().map(|text| {
            let address = readers::address(text).map_err(|why| wrong("to", text, why))?;
            Ok(Reader::unnamed(address))
        });
        let to = defaults.collect::<Result<Vec<Reader>, EmailError>>()?;
        let server = Server::new(settings)?;
        Ok(Self {
            channel,
            from,
            to,
            server,
            reached: Reached::default(),
            clock,
        })
    }

    fn mail(&self, parcel: &Parcel, readers: &[Reader], id: &str) -> Result<Mail, Failure> {
        let now = self.clock.now();
        let heading = Heading {
            from: &self.from,
            to: readers,
            message_id: id,
            notices: &parcel.notices,
            now,
        };
        let bytes = message::compose(&Letter::of(parcel, now), &heading)
            .map_err(|error| permanent(format!("the mail cannot be put together: {error}")))?;
        let had = self.reached.of(id);
        let without = readers.iter().filter(|it| !had.contains(&it.address));
        Ok(Mail {
            from: self.from.clone(),
            to: without.cloned().collect(),
            bytes,
        })
    }
}

#[async_trait]
impl Channel for Email {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        let Readers {
            readers,
            mut refusals,
        } = Readers::of(&parcel.audience, &self.to);
        if readers.is_empty() && refusals.is_empty() {
            return Err(permanent(
                "nobody to send it to: give a person of this role an email, or name default recipients in to"
                    .to_owned(),
            ));
        }
        let all = readers.len() + refusals.len();
        let id = message::message_id(&parcel.notices, &self.channel, &self.from);
        if !readers.is_empty() {
            let mail = self.mail(parcel, &readers, &id)?;
            refusals.extend(self.send(&mail, &id).await?);
        }
        if refusals.is_empty() {
            self.reached.forget(&id);
            return Ok(Receipt {
                message_id: id,
                thread: None,
            });
        }
        Err(refused(self.server.name(), &refusals, all))
    }
}

impl Email {
    /// Hands the mail in for those who are without it, and remembers who is no more.
    async fn send(&self, mail: &Mail, id: &str) -> Result<Vec<Refusal>, Failure> {
        if mail.to.is_empty() {
            return Ok(Vec::new());
        }
        let refusals = self.server.submit(mail).await?;
        let taken = mail.to.iter().filter(|reader| {
            let refused = |refusal: &Refusal| refusal.address.as_ref() == Some(&reader.address);
            !refusals.iter().any(refused)
        });
        self.reached
            .add(id, taken.map(|reader| reader.address.clone()));
        Ok(refusals)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, sync::Arc, time::Duration};

    use super::{Email, EmailSettings, Password, Security};
    use crate::{clock::SystemClock, domain::ids::ChannelId};

    fn settings() -> EmailSettings {
        EmailSettings {
            host: "mail.example.com".to_owned(),
            port: 465,
            security: Security::Tls,
            account: Some(("tipoff".to_owned(), Password::new("open sesame"))),
            ca_file: None,
            from: "tipoff@example.com".to_owned(),
            to: vec!["team@example.com".to_owned()],
            connect_timeout: Duration::from_secs(5),
            kept_for: Duration::from_secs(60),
        }
    }

    fn error(settings: EmailSettings) -> String {
        let email = Email::new(ChannelId::new("email"), settings, Arc::new(SystemClock));
        email.err().expect("these settings are wrong").to_string()
    }

    #[test]
    fn settings_are_printed_without_the_password() {
        let printed = format!("{:?}", settings());
        assert!(printed.contains("tipoff"), "{printed}");
        assert!(!printed.contains("sesame"), "{printed}");
    }

    #[test]
    fn an_address_that_is_none_is_named_with_its_setting() {
        let from = error(EmailSettings {
            from: "Tipoff <tipoff@example.com>".to_owned(),
            ..settings()
        });
        assert!(
            from.starts_with("from: `Tipoff <tipoff@example.com>`"),
            "{from}"
        );
        let to = error(EmailSettings {
            to: vec!["team@example.com".to_owned(), "team".to_owned()],
            ..settings()
        });
        assert!(to.starts_with("to: `team` is no mail address"), "{to}");
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let with = |name: &str, text: &str| -> PathBuf {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for path in [
            folder.path().join("missing.pem"),
            folder.path().to_owned(),
            with("empty.pem", ""),
            with("words.pem", "no certificate"),
            with(
                "broken.pem",
                "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
            ),
            with("garbage.pem", garbage),
        ] {
            let error = error(EmailSettings {
                ca_file: Some(path.clone()),
                ..settings()
            });
            let named = format!("ca_file: {}: ", path.display());
            assert!(error.starts_with(&named), "{error}");
            assert!(error.contains("PEM file"), "{error}");
        }
    }
}
