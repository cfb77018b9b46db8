//! The conversation with a mail server: connecting, signing in, handing in a mail, and keeping the connection.
//!
//! The library's own pool is not used: it takes back a connection whose sender was dropped in the middle of a
//! conversation, and the next mail would read the answers to the last one. Here a connection is kept only when the
//! conversation came to its end. What an error means for people belongs to `trouble`.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::{
    Address,
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail as MailCommand, Rcpt},
        extension::{ClientId, ServerInfo},
    },
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    EmailError, EmailSettings, Password, Security,
    readers::Reader,
    trouble::{Refusal, Step, Trouble, clean, said},
};
use crate::domain::routing::Failure;

mod idle;

use idle::Idle;

/// The server closes the connection (RFC 5321, 3.8).
const CLOSING: u16 = 421;

/// A mail to hand in.
pub struct Mail {
    /// The sender.
    pub from: Address,
    /// Those who are to get it now.
    pub to: Vec<Reader>,
    /// The mail itself, all ASCII.
    pub bytes: Vec<u8>,
}

/// A mail server.
pub struct Server {
    host: String,
    port: u16,
    name: String,
    security: Security,
    tls: Option<TlsParameters>,
    account: Option<(String, Password)>,
    connect_timeout: Duration,
    idle: Idle,
}

impl Server {
    /// The server of these settings.
    ///
    /// # Errors
    /// `ca_file` holds no certificate, or TLS cannot be set up.
    pub fn new(settings: EmailSettings) -> Result<Self, EmailError> {
        let tls = match settings.security {
            Security::Tls | Security::StartTls => Some(tls(&settings)?),
            Security::None => None,
        };
        Ok(Self {
            name: format!("{}:{}", settings.host, settings.port),
            host: settings.host,
            port: settings.port,
            security: settings.security,
            tls,
            account: settings.account,
            connect_timeout: settings.connect_timeout,
            idle: Idle::new(settings.kept_for),
        })
    }

    /// `host:port`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands a mail in and says which readers the server did not take; the others have it.
    ///
    /// # Errors
    /// Nobody has it, or it is not known.
    pub async fn submit(&self, mail: &Mail) -> Result<Vec<Refusal>, Failure> {
        if let Some(connection) = self.idle.take().await {
            match self.converse(connection, mail).await {
                // A server may have enough of a connection; nothing has been sent over it yet.
                Err(Trouble::Smtp {
                    step: Step::Sender, ..
                }) => {}
                ended => return ended.map_err(|trouble| self.failure(&trouble)),
            }
        }
        let connected = self.connect().await;
        let connection = connected.map_err(|trouble| self.failure(&trouble))?;
        let ended = self.converse(connection, mail).await;
        ended.map_err(|trouble| self.failure(&trouble))
    }

    async fn converse(
        &self,
        mut connection: AsyncSmtpConnection,
        mail: &Mail,
    ) -> Result<Vec<Refusal>, Trouble> {
        let ended = self.hand_in(&mut connection, mail).await;
        let over = match &ended {
            Ok(_) => true,
            Err(Trouble::Smtp { error, .. }) => {
                error.status().is_some_and(|it| u16::from(it) != CLOSING)
            }
            Err(Trouble::NoStartTls | Trouble::NoSignIn) => false,
        };
        if over {
            self.idle.keep(connection);
        }
        ended
    }

    async fn hand_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Mail,
    ) -> Result<Vec<Refusal>, Trouble> {
        let sender = MailCommand::new(Some(mail.from.clone()), Vec::new());
        let answer = connection.command(sender).await;
        answer.map_err(Trouble::at(Step::Sender))?;
        let mut refusals = Vec::new();
        for reader in &mail.to {
            refusals.extend(self.name_reader(connection, reader).await?);
        }
        if refusals.len() == mail.to.len() {
            return Ok(refusals);
        }
        let answer = connection.command(Data).await;
        answer.map_err(Trouble::at(Step::Data))?;
        let answer = connection.message(&mail.bytes).await;
        answer.map_err(Trouble::at(Step::Content))?;
        Ok(refusals)
    }

    async fn name_reader(
        &self,
        connection: &mut AsyncSmtpConnection,
        reader: &Reader,
    ) -> Result<Option<Refusal>, Trouble> {
        let command = Rcpt::new(reader.address.clone(), Vec::new());
        let Err(error) = connection.command(command).await else {
            return Ok(None);
        };
        if error.status().is_none_or(|code| u16::from(code) == CLOSING) {
            return Err(Trouble::at(Step::Reader)(error));
        }
        Ok(Some(Refusal {
            reader: reader.name(),
            address: Some(reader.address.clone()),
            said: self.words(&said(&error)),
            permanent: error.is_permanent(),
        }))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let wrapped = (self.security == Security::Tls).then(|| self.tls.clone());
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.host.as_str(), self.port),
            Some(self.connect_timeout),
            &ClientId::default(),
            wrapped.flatten(),
            None,
        )
        .await
        .map_err(Trouble::at(Step::Connect))?;
        if self.security == Security::StartTls {
            self.go_over(&mut connection).await?;
        }
        if let Some((user, password)) = &self.account {
            sign_in(&mut connection, user, password).await?;
        }
        Ok(connection)
    }

    async fn go_over(&self, connection: &mut AsyncSmtpConnection) -> Result<(), Trouble> {
        let Some(tls) = self.tls.clone().filter(|_| connection.can_starttls()) else {
            return Err(Trouble::NoStartTls);
        };
        let gone = connection.starttls(tls, &ClientId::default()).await;
        gone.map_err(Trouble::at(Step::StartTls))
    }

    fn failure(&self, trouble: &Trouble) -> Failure {
        trouble.failure(&self.name, |words| self.words(words))
    }

    /// What the server said, without what it was told to keep to itself.
    fn words(&self, words: &str) -> String {
        let Some((user, password)) = &self.account else {
            return clean(words);
        };
        let plain = STANDARD.encode(format!("\0{user}\0{}", password.0));
        let login = STANDARD.encode(&password.0);
        let secrets = [plain, login, password.0.clone()];
        let hidden = secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(words.to_owned(), |text, secret| {
                text.replace(secret, "(hidden)")
            });
        clean(&hidden)
    }
}

async fn sign_in(
    connection: &mut AsyncSmtpConnection,
    user: &str,
    password: &Password,
) -> Result<(), Trouble> {
    let offers = |info: &ServerInfo| info.get_auth_mechanism(DEFAULT_MECHANISMS).is_some();
    if !offers(connection.server_info()) {
        return Err(Trouble::NoSignIn);
    }
    let credentials = Credentials::new(user.to_owned(), password.0.clone());
    let answer = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
    answer.map(|_| ()).map_err(Trouble::at(Step::SignIn))
}

/// The public authorities that come with the program, and those of `ca_file`.
fn tls(settings: &EmailSettings) -> Result<TlsParameters, EmailError> {
    let mut tls = TlsParameters::builder(settings.host.clone())
        .certificate_store(CertificateStore::WebpkiRoots);
    if let Some(path) = &settings.ca_file {
        let wrong = |why: String| EmailError::Certificates {
            path: path.clone(),
            why,
        };
        let pem = std::fs::read(path).map_err(|source| EmailError::CaFile {
            path: path.clone(),
            source,
        })?;
        if CertificateDer::pem_slice_iter(&pem).next().is_none() {
            return Err(wrong("holds no certificate".to_owned()));
        }
        let certificate = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        tls = tls.add_root_certificate(certificate);
    }
    tls.build().map_err(|source| match &settings.ca_file {
        Some(path) => EmailError::Certificates {
            path: path.clone(),
            why: source.to_string(),
        },
        None => EmailError::Tls {
            host: settings.host.clone(),
            source,
        },
    })
}
