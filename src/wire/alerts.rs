//! What people ask of alerts: to acknowledge them, to silence them, to test the channels; and how they name an alert.
//!
//! How alerts are shown belongs to `alert_view`, what the form of a message's page sends to `reply`.

use chrono::TimeDelta;
use serde_json::Value;

use super::{
    Malformed,
    fields::{self, Fields, FromField, Refusal},
    people::{Target, object, target},
};
use crate::domain::{
    Instant,
    alert::Kind,
    ids::{ChannelId, HandoffId, RunKey},
    seconds,
};

/// The word that stands in a handoff's place where the service itself is meant.
pub const SERVICE: &str = "service";
/// Most characters of a person's name.
pub const NAME_CHARACTERS_MAX: usize = 64;
/// Most characters of the reason for a silence.
pub const REASON_CHARACTERS_MAX: usize = 200;
/// The longest silence, in days: who needs more takes the alert out of the routes.
pub const SILENCE_DAYS_MAX: i64 = 30;

/// Whose alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The service's own.
    Service,
    /// One night's.
    Night(RunKey),
}

impl Whose {
    /// The handoff, if it is one's.
    pub fn handoff(&self) -> Option<&HandoffId> {
        match self {
            Self::Service => None,
            Self::Night(key) => Some(&key.handoff),
        }
    }

    /// The full name of one of its alerts: `phase4-to-phase5/2026-01-11/deadline_breached`, `service/channel_failing/slack`.
    pub fn name_of(&self, alert: &str) -> String {
        match self {
            Self::Service => format!("{SERVICE}/{alert}"),
            Self::Night(key) => format!("{}/{}/{alert}", key.handoff, key.game_date),
        }
    }
}

/// One alert, as its full name says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertName {
    /// Whose it is.
    pub whose: Whose,
    /// Its name among theirs: `deadline_breached`, `channel_failing/slack`.
    pub name: String,
}

impl FromField for AlertName {
    const WRITE: &'static str = "an alert's id such as \"phase4-to-phase5/2026-01-11/deadline_breached\" or \
                                 \"service/channel_failing/slack\"; `GET /alerts` lists them";

    /// A night's has a date in the second place, which no kind of alert is.
    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let text = value.as_str().ok_or(Refusal::Type)?;
        let (first, rest) = text.split_once('/').ok_or(Refusal::Value)?;
        let dated = rest
            .split_once('/')
            .and_then(|(date, name)| Some((fields::date(date)?, name)));
        let (whose, name) = match dated {
            Some((game_date, name)) => {
                let handoff = HandoffId::new(first);
                (Whose::Night(RunKey { handoff, game_date }), name)
            }
            None if first == SERVICE => (Whose::Service, rest),
            None => return Err(Refusal::Value),
        };
        if name.is_empty() {
            return Err(Refusal::Value);
        }
        let name = name.to_owned();
        Ok(Self { whose, name })
    }
}

impl FromField for Kind {
    const WRITE: &'static str =
        "a kind of alert such as \"deadline_breached\"; docs/metrics.md lists them";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let text = value.as_str().ok_or(Refusal::Type)?;
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or(Refusal::Value)
    }
}

/// Texts in a list that is not empty.
struct Texts(Vec<String>);

impl FromField for Texts {
    const WRITE: &'static str = "a list of names in quotes, at least one";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let items = value.as_array().ok_or(Refusal::Type)?;
        let text = |item: &Value| item.as_str().map(str::to_owned).ok_or(Refusal::Type);
        let texts: Vec<String> = items.iter().map(text).collect::<Result<_, _>>()?;
        if texts.is_empty() {
            return Err(Refusal::Value);
        }
        Ok(Self(texts))
    }
}

/// Kinds in a list that is not empty.
struct Kinds(Vec<Kind>);

impl FromField for Kinds {
    const WRITE: &'static str =
        "a list of kinds of alert such as [\"deadline_breached\"], at least one";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let items = value.as_array().ok_or(Refusal::Type)?;
        let kinds: Vec<Kind> = items
            .iter()
            .map(Kind::from_field)
            .collect::<Result<_, _>>()?;
        if kinds.is_empty() {
            return Err(Refusal::Value);
        }
        Ok(Self(kinds))
    }
}

/// A person's name as it stands in the history.
pub(super) struct Name(pub(super) String);

impl FromField for Name {
    const WRITE: &'static str = "a name of 1 to 64 characters on one line";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        one_line(value, NAME_CHARACTERS_MAX).map(Self)
    }
}

/// Why someone wants a silence.
pub(super) struct Because(pub(super) String);

impl FromField for Because {
    const WRITE: &'static str = "why, in 1 to 200 characters on one line";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        one_line(value, REASON_CHARACTERS_MAX).map(Self)
    }
}

fn one_line(value: &Value, characters_max: usize) -> Result<String, Refusal> {
    let text = value.as_str().ok_or(Refusal::Type)?.trim();
    let fits = (1..=characters_max).contains(&text.chars().count());
    if fits && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::Value)
    }
}

/// A length of time with units.
pub(super) struct Length(pub(super) TimeDelta);

impl FromField for Length {
    const WRITE: &'static str =
        "a length of time such as \"2h\", \"90m\" or \"1d\", more than none and 30 days at most";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let text = value.as_str().ok_or(Refusal::Type)?;
        let length = seconds::parse(text).ok_or(Refusal::Value)?;
        if is_allowed(length) {
            Ok(Self(length))
        } else {
            Err(Refusal::Value)
        }
    }
}

/// More than none, and the longest itself is allowed.
fn is_allowed(length: TimeDelta) -> bool {
    length > TimeDelta::zero() && length <= TimeDelta::days(SILENCE_DAYS_MAX)
}

/// Which alerts are to be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(AlertName),
    /// The service's own of these kinds; none named: all.
    Service(Vec<Kind>),
    /// A night's of these kinds; none named: all.
    Night(Target, Vec<Kind>),
}

/// The body of `POST /alerts/ack`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledge {
    /// Which.
    pub which: Which,
    /// Who, if it is said.
    pub by: Option<String>,
}

impl Acknowledge {
    /// Reads the body, whatever its media type; an empty one means all of today's, and unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or a field cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let map = object(body)?;
        let fields = Fields::of(&map);
        let kinds: Option<Kinds> = fields.optional("kinds")?;
        let kinds = kinds.map(|kinds| kinds.0).unwrap_or_default();
        let by: Option<Name> = fields.optional("by")?;
        let one: Option<AlertName> = fields.optional("alert")?;
        let target = target(&fields)?;
        let which = match one {
            Some(_) if fields.value("handoff").is_some() => {
                let write = "either an alert or a handoff, not both";
                return Err(fields.wrong_value("alert", write));
            }
            Some(one) => Which::One(one),
            None if is_service(target.handoff.as_ref()) => Which::Service(kinds),
            None => Which::Night(target, kinds),
        };
        Ok(Self {
            which,
            by: by.map(|by| by.0),
        })
    }
}

fn is_service(handoff: Option<&HandoffId>) -> bool {
    handoff.is_some_and(|handoff| handoff.as_str() == SERVICE)
}

/// The body of `POST /alerts/silence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hush {
    /// Whose alerts; `None`: the service's own.
    pub handoff: Option<HandoffId>,
    /// Which kind; `None`: all of them.
    pub kind: Option<Kind>,
    /// When it ends.
    pub until: Instant,
    /// Who answers for it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Hush {
    /// Reads the body, whatever its media type; unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, a field cannot be read, or its owner, its end or its reason is missing.
    pub fn read(body: &[u8], now: Instant) -> Result<Self, Malformed> {
        let map = object(body)?;
        let fields = Fields::of(&map);
        let handoff: Option<String> = fields.optional("handoff")?;
        let Name(by) = fields.required("by")?;
        let until = until(&fields, now)?;
        let Because(reason) = fields.required("reason")?;
        Ok(Self {
            handoff: handoff.filter(|id| id != SERVICE).map(HandoffId::new),
            kind: fields.optional("kind")?,
            until,
            by,
            reason,
        })
    }
}

fn until(fields: &Fields<'_>, now: Instant) -> Result<Instant, Malformed> {
    const FIELD: &str = "until";
    let until: Option<Instant> = fields.optional(FIELD)?;
    match until {
        None => Ok(now + fields.required::<Length>("for")?.0),
        Some(_) if fields.value("for").is_some() => {
            Err(fields.wrong_value(FIELD, "either `for` or `until`, not both"))
        }
        Some(until) if is_allowed(until - now) => Ok(until),
        Some(_) => {
            Err(fields.wrong_value(FIELD, "an instant to come, 30 days from now at the latest"))
        }
    }
}

/// The body of `POST /alerts/test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Which channels; `None`: each.
    pub channels: Option<Vec<ChannelId>>,
    /// Who, if it is said.
    pub by: Option<String>,
}

impl Test {
    /// Reads the body, whatever its media type; an empty one means each channel, and unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or a field cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let map = object(body)?;
        let fields = Fields::of(&map);
        let channels: Option<Texts> = fields.optional("channels")?;
        let by: Option<Name> = fields.optional("by")?;
        Ok(Self {
            channels: channels.map(|Texts(names)| names.into_iter().map(ChannelId::new).collect()),
            by: by.map(|by| by.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Acknowledge, AlertName, Hush, Test, Which, Whose};
    use crate::{
        domain::{Instant, alert::Kind},
        wire::people::Target,
    };

    fn now() -> Instant {
        "2026-01-19T15:00:00Z".parse().unwrap()
    }

    fn bytes(body: &Value) -> Vec<u8> {
        body.to_string().into_bytes()
    }

    #[rstest]
    #[case(json!({"alert": 5}), "alert", "wrong_type")]
    #[case(json!({"alert": "deadline_breached"}), "alert", "wrong_value")]
    #[case(json!({"alert": "phase4-to-phase5/2026-01-11/"}), "alert", "wrong_value")]
    #[case(json!({"alert": "phase4-to-phase5/soon/deadline_breached"}), "alert", "wrong_value")]
    #[case(json!({"alert": "service/x", "handoff": "a"}), "alert", "wrong_value")]
    #[case(json!({"kinds": "deadline_breached"}), "kinds", "wrong_type")]
    #[case(json!({"kinds": ["late"]}), "kinds", "wrong_value")]
    #[case(json!({"kinds": []}), "kinds", "wrong_value")]
    #[case(json!({"by": "  "}), "by", "wrong_value")]
    #[case(json!({"by": "a\nb"}), "by", "wrong_value")]
    #[case(json!({"by": "a".repeat(65)}), "by", "wrong_value")]
    #[case(json!({"game_date": "soon"}), "game_date", "wrong_value")]
    fn a_bad_field_of_an_acknowledgement_is_named(
        #[case] body: Value,
        #[case] field: &str,
        #[case] name: &str,
    ) {
        let error = Acknowledge::read(&bytes(&body)).unwrap_err();
        assert_eq!((error.field(), error.name()), (Some(field), name));
    }

    #[rstest]
    #[case("by", json!(null), "by", "missing_field")]
    #[case("by", json!("a".repeat(65)), "by", "wrong_value")]
    #[case("for", json!(null), "for", "missing_field")]
    #[case("for", json!("soon"), "for", "wrong_value")]
    #[case("for", json!(7200), "for", "wrong_type")]
    #[case("for", json!("0s"), "for", "wrong_value")]
    #[case("for", json!("30d1s"), "for", "wrong_value")]
    #[case("until", json!("2026-01-20T15:00:00Z"), "until", "wrong_value")]
    #[case("reason", json!(null), "reason", "missing_field")]
    #[case("reason", json!("a".repeat(201)), "reason", "wrong_value")]
    #[case("kind", json!("late"), "kind", "wrong_value")]
    #[case("handoff", json!(5), "handoff", "wrong_type")]
    fn a_silence_needs_an_owner_an_end_and_a_reason(
        #[case] changed: &str,
        #[case] value: Value,
        #[case] field: &str,
        #[case] name: &str,
    ) {
        let mut body = json!({"by": "dana", "for": "2h", "reason": "known"});
        assert!(Hush::read(&bytes(&body), now()).is_ok());
        body[changed] = value;
        let error = Hush::read(&bytes(&body), now()).unwrap_err();
        assert_eq!((error.field(), error.name()), (Some(field), name));
    }

    #[rstest]
    #[case("2026-01-19T15:00:00Z", false)]
    #[case("2026-01-19T15:00:01Z", true)]
    #[case("2026-02-18T15:00:00Z", true)]
    #[case("2026-02-18T15:00:01Z", false)]
    fn a_silence_ends_after_now_and_within_thirty_days(#[case] until: &str, #[case] taken: bool) {
        let body = json!({"by": "dana", "until": until, "reason": "known"});
        let read = Hush::read(&bytes(&body), now());
        assert_eq!(read.is_ok(), taken, "{read:?}");
    }

    #[test]
    fn a_silence_says_whose_alerts_of_which_kind() {
        let body = json!({"by": " dana ", "for": "1d", "reason": "known", "handoff": "service", "kind": "channel_failing"});
        let own = Hush::read(&bytes(&body), now()).unwrap();
        assert_eq!((own.handoff, own.kind), (None, Some(Kind::ChannelFailing)));
        assert_eq!(own.by, "dana");
        assert_eq!(
            own.until,
            "2026-01-20T15:00:00Z".parse::<Instant>().unwrap()
        );
    }

    #[test]
    fn an_alert_is_known_by_its_full_name() {
        for text in [
            "phase4-to-phase5/2026-01-11/deadline_breached",
            "service/2026-01-11/gap_exceeded",
            "service/channel_failing/slack",
            "service/messages_quarantined",
        ] {
            let body = json!({"alert": text});
            let read = Acknowledge::read(&bytes(&body)).unwrap();
            let Which::One(AlertName { whose, name }) = read.which else {
                panic!("{text} is one alert");
            };
            assert_eq!(whose.name_of(&name), text);
            let dated = text.contains("2026");
            assert_eq!(matches!(whose, Whose::Night(_)), dated, "{text}");
        }
    }

    #[test]
    fn what_is_left_out_means_all_of_today_over_every_channel() {
        let all = Acknowledge::read(b"").unwrap();
        assert_eq!(all.which, Which::Night(Target::default(), Vec::new()));
        let own = Acknowledge::read(br#"{"handoff": "service"}"#).unwrap();
        assert_eq!(own.which, Which::Service(Vec::new()));
        assert_eq!(Test::read(b"").unwrap().channels, None);
    }

    #[rstest]
    #[case(json!({"channels": "slack"}), "channels")]
    #[case(json!({"channels": [1]}), "channels")]
    #[case(json!({"channels": []}), "channels")]
    #[case(json!({"by": 1}), "by")]
    fn a_bad_field_of_a_test_is_named(#[case] body: Value, #[case] field: &str) {
        let error = Test::read(&bytes(&body)).unwrap_err();
        assert_eq!(error.field(), Some(field));
    }
}
