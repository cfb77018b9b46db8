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
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let channel: String = channel.as_str().chars().filter(|it| plain(*it)).collect();
    let channel = if channel.is_empty() {
        "email"
    } else {
        &channel
    };
    format!("<{}.{channel}@{}>", digest(&ids.join("\0")), from.domain())
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
        let part = Attachment::new_inline(clean(&picture.name));
        related = related.singlepart(part.body(picture.png.clone(), png()));
    }
    alternative.multipart(related)
}

fn png() -> ContentType {
    ContentType::parse("image/png").expect("image/png is a media type")
}

fn digest(text: &str) -> String {
    let mut digest = format!("{:x}", Sha256::digest(text));
    digest.truncate(DIGEST_CHARACTERS);
    digest
}
