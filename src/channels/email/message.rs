//! A letter as a mail: its head, its two texts and its pictures.
//!
//! What the texts say belongs to `render`; handing the mail in belongs to `server`.

use lettre::{
    Address, Message,
    error::Error,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{readers::Reader, trouble::clean};
use crate::{
    domain::{Instant, alert::Severity, ids::ChannelId},
    ports::notice::Notice,
    render::{
        alert, html,
        letter::{Letter, Status},
        plain,
    },
};

/// Characters of a digest in an id: 128 bits, which nobody meets twice.
const DIGEST_CHARACTERS: usize = 32;
/// Characters of one notice's id in the head: a line of a mail has 998 at most (RFC 5322, 2.1.1).
const NOTICE_CHARACTERS_MAX: usize = 300;
/// What is not written as it is in a notice's id.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// What a mail's head is made from, beside the letter.
pub struct Heading<'a> {
    /// The sender.
    pub from: &'a Address,
    /// Everyone it is for.
    pub to: &'a [Reader],
    /// Its id.
    pub message_id: &'a str,
    /// What it tells of.
    pub notices: &'a [Notice],
    /// When it is sent.
    pub now: Instant,
}

/// The id of a mail about these notices: the same for every try, another one for every channel and every digest.
pub fn message_id(notices: &[Notice], channel: &ChannelId, from: &Address) -> String {
    let ids: Vec<&str> = notices.iter().map(|notice| notice.id.as_str()).collect();
    let (digest, channel) = (digest(&ids.join("\0")), plainly(channel.as_str()));
    format!("<{digest}.{channel}@{}>", from.domain())
}

/// The mail, ready to be handed in.
///
/// # Errors
/// The head lacks a sender or a reader.
pub fn compose(letter: &Letter, heading: &Heading<'_>) -> Result<Vec<u8>, Error> {
    let thread = format!("<{}@{}>", digest(&letter.thread), heading.from.domain());
    let name = format!("Tipoff {}", word(letter.status));
    let mut mail = Message::builder()
        .from(Mailbox::new(Some(name), heading.from.clone()))
        .subject(clean(&letter.subject))
        .date(heading.now.into())
        .message_id(Some(heading.message_id.to_owned()))
        .references(thread.clone())
        .in_reply_to(thread);
    for reader in heading.to {
        mail = mail.to(reader.mailbox());
    }
    for (name, value) in marks(letter, heading.notices) {
        mail = mail.raw_header(HeaderValue::new(name, value));
    }
    let mail = mail.multipart(parts(letter))?;
    Ok(mail.formatted())
}

/// How bad it is stands in the sender's name: with the subject the same for a whole thread, mail programs keep it in
/// one place, and the list of mails still shows at a glance which of them matter.
fn word(status: Status) -> &'static str {
    match status {
        Status::Holds(severity) => alert::severity(severity),
        Status::Resolved => "resolved",
        Status::Summary => "summary",
        Status::Test => "test",
    }
}

fn marks(letter: &Letter, notices: &[Notice]) -> Vec<(HeaderName, String)> {
    let mark = |name, value: &str| (HeaderName::new_from_ascii_str(name), value.to_owned());
    let ids: Vec<String> = notices.iter().map(|it| notice_id(&it.id)).collect();
    let mut marks = vec![
        mark("X-Tipoff-Notice", &ids.join(" ")),
        // RFC 3834: nobody is away on holiday for a program.
        mark("Auto-Submitted", "auto-generated"),
        mark("X-Auto-Response-Suppress", "All"),
    ];
    if letter.status == Status::Holds(Severity::Critical) {
        marks.push(mark("Importance", "high"));
    }
    marks
}

fn notice_id(id: &str) -> String {
    let encoded = utf8_percent_encode(id, ENCODED).to_string();
    encoded.chars().take(NOTICE_CHARACTERS_MAX).collect()
}

fn parts(letter: &Letter) -> MultiPart {
    let alternative = MultiPart::alternative().singlepart(SinglePart::plain(plain::text(letter)));
    let page = SinglePart::html(html::page(letter));
    if letter.pictures.is_empty() {
        return alternative.singlepart(page);
    }
    let mut related = MultiPart::related().singlepart(page);
    for picture in &letter.pictures {
        let part = Attachment::new_inline(plainly(&picture.name));
        related = related.singlepart(part.body(picture.png.clone(), png()));
    }
    alternative.multipart(related)
}

/// A name as it may stand in an id: anything but letters, digits and `-_.` becomes a hyphen.
fn plainly(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name.chars()
        .map(|letter| if plain(letter) { letter } else { '-' })
        .collect()
}

fn png() -> ContentType {
    ContentType::parse("image/png").expect("image/png is a media type")
}

fn digest(text: &str) -> String {
    let mut digest = format!("{:x}", Sha256::digest(text));
    digest.truncate(DIGEST_CHARACTERS);
    digest
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};

    use super::{Heading, compose, message_id};
    use crate::{
        channels::email::readers::Reader,
        domain::{Instant, alert::Severity, ids::ChannelId},
        ports::notice::{About, Content, Notice},
        render::letter::{Letter, Picture, Status},
    };

    fn now() -> Instant {
        "2026-01-19T15:00:00Z".parse().unwrap()
    }

    fn notice(id: &str) -> Notice {
        Notice {
            id: id.to_owned(),
            about: About::Service,
            at: now(),
            content: Content::Test {
                by: "Ada".to_owned(),
            },
        }
    }

    fn letter(status: Status) -> Letter {
        Letter {
            id: "service/1/0".to_owned(),
            thread: "service".to_owned(),
            status,
            subject: "tipoff".to_owned(),
            headline: "All is well".to_owned(),
            notes: Vec::new(),
            items: Vec::new(),
            facts: Vec::new(),
            units: Vec::new(),
            units_unnamed: 0,
            done: Vec::new(),
            next: Vec::new(),
            advice: Vec::new(),
            links: Vec::new(),
            table: None,
            pictures: Vec::new(),
            footer: String::new(),
            at: now(),
        }
    }

    fn mail(letter: &Letter) -> String {
        let heading = Heading {
            from: &"tipoff@example.com".parse().unwrap(),
            to: &[Reader::unnamed("ada@example.com".parse().unwrap())],
            message_id: "<1@example.com>",
            notices: &[notice("service/1/0")],
            now: now(),
        };
        String::from_utf8(compose(letter, &heading).unwrap()).unwrap()
    }

    #[test]
    fn the_sender_is_named_after_how_bad_it_is() {
        for (status, name, important) in [
            (Status::Holds(Severity::Critical), "Tipoff CRITICAL", true),
            (Status::Holds(Severity::Warning), "Tipoff WARNING", false),
            (Status::Holds(Severity::Info), "Tipoff info", false),
            (Status::Resolved, "Tipoff resolved", false),
            (Status::Summary, "Tipoff summary", false),
            (Status::Test, "Tipoff test", false),
        ] {
            let mail = mail(&letter(status));
            let from = format!("From: \"{name}\" <tipoff@example.com>\r\n");
            assert!(mail.contains(&from), "{mail}");
            assert_eq!(mail.contains("Importance: high\r\n"), important, "{mail}");
        }
    }

    #[test]
    fn pictures_come_with_the_page_under_their_names() {
        let picture = |name: &str| Picture {
            name: name.to_owned(),
            text: "12 min on average".to_owned(),
            png: b"\x89PNG\r\n\x1a\n\0\xff".to_vec(),
        };
        let letter = Letter {
            pictures: vec![
                picture("start_latency"),
                picture("a>\r\nBcc: all@example.com"),
            ],
            ..letter(Status::Summary)
        };
        let mail = mail(&letter);
        let parsed = MessageParser::new().parse(&mail).unwrap();
        let types: Vec<String> = parsed
            .parts
            .iter()
            .map(|part| part.content_type().unwrap())
            .map(|it| format!("{}/{}", it.ctype(), it.subtype().unwrap()))
            .collect();
        assert_eq!(
            types,
            [
                "multipart/alternative",
                "text/plain",
                "multipart/related",
                "text/html",
                "image/png",
                "image/png"
            ]
        );
        assert_eq!(parsed.parts[4].content_id(), Some("start_latency"));
        assert_eq!(
            parsed.parts[5].content_id(),
            Some("a---Bcc--all-example.com")
        );
        assert_eq!(parsed.parts[4].contents(), letter.pictures[0].png);
    }

    #[test]
    fn nothing_in_a_letter_makes_a_header_of_its_own() {
        let letter = Letter {
            subject: "one\r\nBcc: all@example.com\r\n\r\nñ".to_owned(),
            thread: "x\r\nBcc: all@example.com".to_owned(),
            ..letter(Status::Test)
        };
        let mail = mail(&letter);
        let parsed = MessageParser::new().parse(&mail).unwrap();
        assert_eq!(parsed.subject(), Some("one Bcc: all@example.com ñ"));
        assert_eq!(parsed.bcc(), None);
        assert_eq!(parsed.references(), parsed.in_reply_to());
    }

    #[test]
    fn an_id_is_the_same_for_every_try_and_another_for_every_channel_message_and_digest() {
        let from = "tipoff@example.com".parse().unwrap();
        let id = |ids: &[&str], channel: &str| {
            let notices: Vec<Notice> = ids.iter().map(|it| notice(it)).collect();
            message_id(&notices, &ChannelId::new(channel), &from)
        };
        // printf a | sha256sum
        assert_eq!(
            id(&["a"], "email"),
            "<ca978112ca1bbdcafac231b39a23dc4d.email@example.com>"
        );
        let others = [
            id(&["b"], "email"),
            id(&["a", "b"], "email"),
            id(&["b", "a"], "email"),
            id(&["ab"], "email"),
            id(&["a"], "email-2"),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, id(&["a"], "email"));
            assert!(!others[..index].contains(other), "{other}");
        }
        assert!(id(&["a"], "my_mail>").ends_with(".my_mail-@example.com>"));
    }
}
