//! What can go wrong with a mail, in words for operators: who said it, what they said, and what to try.
//!
//! When it is tried again belongs to `domain::routing`.

use std::{error::Error, io};

use lettre::{Address, transport::smtp};

use crate::domain::routing::Failure;

/// Characters kept of a text that others wrote.
const WORDS_CHARACTERS_MAX: usize = 300;

/// How far a conversation with the server got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Connecting, TLS and the greeting.
    Connect,
    /// Going over to TLS.
    StartTls,
    /// Signing in.
    SignIn,
    /// Naming the sender.
    Sender,
    /// Naming a reader.
    Reader,
    /// Asking to send the mail itself.
    Data,
    /// Sending the mail itself, and its receipt.
    Content,
}

/// What went wrong with a mail as a whole.
#[derive(Debug)]
pub enum Trouble {
    /// The server does not offer to go over to TLS.
    NoStartTls,
    /// The server offers no way to sign in that we know.
    NoSignIn,
    /// A step failed.
    Smtp {
        /// Which step.
        step: Step,
        /// How.
        error: smtp::Error,
    },
}

/// A reader who the server does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who: their name, or their address.
    pub reader: String,
    /// Their address; `None`: it is none.
    pub address: Option<Address>,
    /// What was said of them.
    pub said: String,
    /// Another try would be refused, too.
    pub permanent: bool,
}

impl Trouble {
    /// Turns a step's error into trouble.
    pub fn at(step: Step) -> impl Fn(smtp::Error) -> Self {
        move |error| Self::Smtp { step, error }
    }

    /// How the channel tells of it: `server` is `host:port`, `words` cleans what others wrote.
    pub fn failure(&self, server: &str, words: impl Fn(&str) -> String) -> Failure {
        let (step, error) = match self {
            Self::NoStartTls => {
                return transient(format!(
                    "{server} does not offer STARTTLS, so nothing was sent: someone in between may have taken it \
                     away; have the server offer it, or set security to tls and its port"
                ));
            }
            Self::NoSignIn => {
                return permanent(format!(
                    "{server} offers no way to sign in (PLAIN or LOGIN): check port and security, or leave out \
                     username"
                ));
            }
            Self::Smtp { step, error } => (*step, error),
        };
        let answered = error.status().is_some();
        let what = if answered {
            refusing(step)
        } else {
            failing(step, error)
        };
        let hint = hint(step, error).map_or(String::new(), |hint| format!("; {hint}"));
        Failure {
            error: format!("{server} {what}: {}{hint}", words(&said(error))),
            permanent: error.is_permanent(),
            doubtful: step == Step::Content && !answered,
            retry_after: None,
        }
    }
}

/// The failure of a mail that some or all of its readers are without.
pub fn refused(server: &str, refusals: &[Refusal], all: usize) -> Failure {
    let each: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("{}: {}", refusal.reader, refusal.said))
        .collect();
    let how_many = if refusals.len() < all {
        format!("{} of {all} readers, the others have it", refusals.len())
    } else {
        "every reader".to_owned()
    };
    Failure {
        error: format!("not taken by {server} for {how_many}; {}", each.join("; ")),
        permanent: refusals.iter().all(|refusal| refusal.permanent),
        doubtful: false,
        retry_after: None,
    }
}

/// A failure that no further try mends.
pub fn permanent(error: String) -> Failure {
    Failure {
        permanent: true,
        ..transient(error)
    }
}

fn transient(error: String) -> Failure {
    Failure {
        error,
        permanent: false,
        doubtful: false,
        retry_after: None,
    }
}

/// The server's own words with their code; without an answer, what became of the connection.
pub fn said(error: &smtp::Error) -> String {
    let cause = innermost(error).source().map(ToString::to_string);
    match (error.status(), cause) {
        (Some(code), Some(words)) => format!("{code} {words}"),
        (Some(code), None) => code.to_string(),
        (None, Some(cause)) => cause,
        (None, None) => error.to_string(),
    }
}

/// The library wraps some errors into another of its own.
fn innermost(error: &smtp::Error) -> &smtp::Error {
    let within = error.source().and_then(|it| it.downcast_ref());
    within.map_or(error, innermost)
}

/// What TLS had to say, if it was TLS that failed.
fn tls(error: &smtp::Error) -> Option<&rustls::Error> {
    let io = innermost(error).source()?.downcast_ref::<io::Error>()?;
    io.get_ref()?.downcast_ref()
}

fn refusing(step: Step) -> &'static str {
    match step {
        Step::Connect => "refused the connection",
        Step::StartTls => "refused STARTTLS",
        Step::SignIn => "refused the sign-in",
        Step::Sender => "refused the sender",
        Step::Reader => "refused a reader",
        Step::Data | Step::Content => "refused the mail",
    }
}

fn failing(step: Step, error: &smtp::Error) -> &'static str {
    match (step, tls(error)) {
        (Step::Connect | Step::StartTls, Some(rustls::Error::InvalidCertificate(_))) => {
            "is not trusted"
        }
        (Step::Connect | Step::StartTls, Some(_)) => "does not speak TLS with us",
        (Step::Connect, None) => "could not be reached",
        (Step::StartTls, None) => "broke off while it went over to TLS",
        (Step::SignIn, _) => "broke off the sign-in",
        (Step::Sender | Step::Reader | Step::Data, _) => "broke off before the mail was sent",
        (Step::Content, _) => "did not say whether it took the mail",
    }
}

/// What to try, where that is known. Codes: RFC 4954 section 6 for 530, 534 and 535, RFC 5321 section 4.2.3.
fn hint(step: Step, error: &smtp::Error) -> Option<&'static str> {
    let code = error.status().map(u16::from);
    match (step, code) {
        (_, Some(530)) => Some("set username and password_file, or security, as it asks for"),
        (_, Some(534 | 535)) => Some("check username and password_file"),
        (Step::Sender, Some(500..)) => Some("check from: the server may not send for it"),
        (Step::Connect | Step::StartTls, None) => Some(connecting(error)),
        _ => None,
    }
}

fn connecting(error: &smtp::Error) -> &'static str {
    match tls(error) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "host must be a name in its certificate; the certificate of an own authority belongs in ca_file"
        }
        Some(_) => "check port and security",
        None => "check host and port, and whether the server runs",
    }
}

/// A text that others wrote, in one line and short.
pub fn clean(text: &str) -> String {
    let steers = |letter: char| letter.is_control();
    let text: String = text
        .chars()
        .map(|letter| if steers(letter) { ' ' } else { letter })
        .collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= WORDS_CHARACTERS_MAX {
        return text;
    }
    let kept: String = text.chars().take(WORDS_CHARACTERS_MAX - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::{Refusal, clean, refused};

    fn refusal(reader: &str, permanent: bool) -> Refusal {
        Refusal {
            reader: reader.to_owned(),
            address: None,
            said: "no such user".to_owned(),
            permanent,
        }
    }

    #[test]
    fn the_words_of_others_are_kept_in_one_line_of_300_characters() {
        assert_eq!(clean("a\r\n b\u{1b}[31m\0"), "a b [31m");
        let long = clean(&"ñ".repeat(301));
        assert_eq!(long.chars().count(), 300);
        assert!(long.ends_with("ñ…"), "{long}");
        assert_eq!(clean(&"ñ".repeat(300)), "ñ".repeat(300));
    }

    #[test]
    fn another_try_is_worth_it_while_it_may_help_one_of_the_refused() {
        let failure = refused("s:25", &[refusal("Ada", true), refusal("Zoë", false)], 3);
        assert_eq!(
            failure.error,
            "not taken by s:25 for 2 of 3 readers, the others have it; Ada: no such user; Zoë: no such user"
        );
        assert!(!failure.permanent && !failure.doubtful);
        let failure = refused("s:25", &[refusal("Ada", true)], 1);
        assert!(failure.error.contains("for every reader"), "{failure:?}");
        assert!(failure.permanent);
    }
}
