//! What the form on a message's page sends: an acknowledgement or a silence, with a name.
//!
//! The page itself belongs to `http`; what the link allows to `link`.

use chrono::TimeDelta;
use serde_json::{Map, Value};

use super::{
    Malformed,
    alerts::{Because, Length, Name},
    fields::Fields,
};

/// The value of `for` that means noon of the next day.
pub const TOMORROW: &str = "tomorrow";

/// What a person wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What.
    pub action: Action,
    /// Who.
    pub by: String,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Acknowledge these alerts, by their names; none named: all that are open.
    Acknowledge(Vec<String>),
    /// Silence what the message told of.
    Silence {
        /// For how long.
        length: SilenceLength,
        /// Why.
        reason: String,
    },
}

/// For how long something is silenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceLength {
    /// For this long.
    For(TimeDelta),
    /// Until noon of the next day, where people read the schedule.
    UntilTomorrowNoon,
}

impl Reply {
    /// Reads the form's names and values; unknown names are ignored.
    ///
    /// # Errors
    ///
    /// When a value is missing or cannot be.
    pub fn read(form: &[(String, String)]) -> Result<Self, Malformed> {
        let map: Map<String, Value> = form
            .iter()
            .map(|(name, value)| (name.clone(), value.trim().into()))
            .collect();
        let fields = Fields::of(&map);
        let action: String = fields.required("action")?;
        let Name(by) = fields.required("by")?;
        let action = match action.as_str() {
            "acknowledge" => Action::Acknowledge(named(form)),
            "silence" => silence(&fields)?,
            _ => {
                return Err(fields.wrong_value("action", "\"acknowledge\" or \"silence\""));
            }
        };
        Ok(Self { action, by })
    }
}

fn named(form: &[(String, String)]) -> Vec<String> {
    let alerts = form.iter().filter(|(name, _)| name == "alert");
    alerts.map(|(_, value)| value.clone()).collect()
}

fn silence(fields: &Fields<'_>) -> Result<Action, Malformed> {
    let tomorrow = fields.value("for").and_then(Value::as_str) == Some(TOMORROW);
    let length = if tomorrow {
        SilenceLength::UntilTomorrowNoon
    } else {
        SilenceLength::For(fields.required::<Length>("for")?.0)
    };
    let Because(reason) = fields.required("reason")?;
    Ok(Action::Silence { length, reason })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::{Action, Reply, SilenceLength};

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[rstest]
    #[case(&[], "action")]
    #[case(&[("action", "delete"), ("by", "dana")], "action")]
    #[case(&[("action", "acknowledge")], "by")]
    #[case(&[("action", "acknowledge"), ("by", "  ")], "by")]
    #[case(&[("action", "acknowledge"), ("by", "a\u{7}b")], "by")]
    #[case(&[("action", "silence"), ("by", "dana"), ("reason", "known")], "for")]
    #[case(&[("action", "silence"), ("by", "dana"), ("reason", "known"), ("for", "31d")], "for")]
    #[case(&[("action", "silence"), ("by", "dana"), ("for", "1h")], "reason")]
    fn what_is_missing_or_cannot_be_is_named(#[case] sent: &[(&str, &str)], #[case] field: &str) {
        let error = Reply::read(&form(sent)).unwrap_err();
        assert_eq!(error.field(), Some(field));
    }

    #[test]
    fn an_acknowledgement_names_the_alerts_that_were_shown() {
        let sent = form(&[
            ("action", "acknowledge"),
            ("by", " Dana <x> "),
            ("alert", "deadline_breached"),
            ("alert", "channel_failing/slack"),
        ]);
        let reply = Reply::read(&sent).unwrap();
        assert_eq!(reply.by, "Dana <x>");
        let named = ["deadline_breached", "channel_failing/slack"].map(str::to_owned);
        assert_eq!(reply.action, Action::Acknowledge(named.to_vec()));
    }

    #[rstest]
    #[case("4h", SilenceLength::For(TimeDelta::hours(4)))]
    #[case("tomorrow", SilenceLength::UntilTomorrowNoon)]
    fn a_silence_has_a_length(#[case] said: &str, #[case] length: SilenceLength) {
        let sent = [
            ("action", "silence"),
            ("by", "dana"),
            ("for", said),
            ("reason", "known"),
        ];
        let reason = "known".to_owned();
        let action = Action::Silence { length, reason };
        assert_eq!(Reply::read(&form(&sent)).unwrap().action, action);
    }
}
