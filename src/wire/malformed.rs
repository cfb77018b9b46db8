//! Why a body cannot be read: which field, what stood there, what to write instead.
//!
//! What becomes of the message (quarantine, 400) belongs to whoever received it.

use std::error::Error;

/// A body that cannot be read. The text is a quarantine reason or a caller's 400, and names the mend.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// There is nothing in it.
    #[error("{what} is empty; write one JSON object")]
    Empty {
        /// The body or the part of it.
        what: &'static str,
    },
    /// It is cut off or never was JSON.
    #[error("{what} is not JSON; write one JSON object")]
    NotJson {
        /// The body or the part of it.
        what: &'static str,
        /// Where the reader stumbled.
        source: serde_json::Error,
    },
    /// It is JSON, but a list, a text, a number.
    #[error("{what} is {got}; write one JSON object")]
    NotAnObject {
        /// The body or the part of it.
        what: &'static str,
        /// What stood there.
        got: String,
    },
    /// A required field is absent, null or the empty text. It is never read as zero.
    #[error("`{field}` is missing; write {write}")]
    Missing {
        /// The field, with the path to it.
        field: String,
        /// What belongs there.
        write: &'static str,
    },
    /// A field holds another type of JSON than it should.
    #[error("`{field}` is {got}; write {write}")]
    WrongType {
        /// The field, with the path to it.
        field: String,
        /// What stood there.
        got: String,
        /// What belongs there.
        write: &'static str,
    },
    /// A field holds the right type of JSON and a value that cannot be.
    #[error("`{field}` cannot be {got}; write {write}")]
    WrongValue {
        /// The field, with the path to it.
        field: String,
        /// What stood there.
        got: String,
        /// What belongs there.
        write: &'static str,
    },
    /// The message's data is not base64.
    #[error("`{field}` is not base64; encode the event's JSON, standard or url-safe")]
    NotBase64 {
        /// The field, with the path to it.
        field: &'static str,
        /// Where the reader stumbled.
        source: base64::DecodeError,
    },
    /// It is an object, but of none of the known shapes.
    #[error(
        "unknown shape with {fields}; write `event_type`: \"{event_type}\" or a `processor_name`"
    )]
    UnknownShape {
        /// The first fields it has.
        fields: String,
        /// The event type looked for.
        event_type: String,
    },
    /// More completions than one body may hold.
    #[error("the body has more than {lines_max} lines; send the rest in another body")]
    TooManyLines {
        /// The most lines a body may hold.
        lines_max: usize,
    },
}

impl Malformed {
    /// Every name [`Self::name`] can return.
    pub const NAMES: [&'static str; 9] = [
        "empty",
        "not_json",
        "not_an_object",
        "missing_field",
        "wrong_type",
        "wrong_value",
        "not_base64",
        "unknown_shape",
        "too_many_lines",
    ];

    /// Its name from a closed set, for metrics labels.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty",
            Self::NotJson { .. } => "not_json",
            Self::NotAnObject { .. } => "not_an_object",
            Self::Missing { .. } => "missing_field",
            Self::WrongType { .. } => "wrong_type",
            Self::WrongValue { .. } => "wrong_value",
            Self::NotBase64 { .. } => "not_base64",
            Self::UnknownShape { .. } => "unknown_shape",
            Self::TooManyLines { .. } => "too_many_lines",
        }
    }

    /// The field at fault, with the path to it; `None` when it is the body as a whole.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Missing { field, .. }
            | Self::WrongType { field, .. }
            | Self::WrongValue { field, .. } => Some(field),
            Self::NotBase64 { field, .. } => Some(field),
            Self::Empty { .. }
            | Self::NotJson { .. }
            | Self::NotAnObject { .. }
            | Self::UnknownShape { .. }
            | Self::TooManyLines { .. } => None,
        }
    }

    /// The whole sentence with where the reader stumbled: what is stored with a quarantined message.
    pub fn reason(&self) -> String {
        match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Malformed;

    #[test]
    fn every_error_names_the_field_and_the_mend() {
        let error = Malformed::Missing {
            field: "message.data".to_owned(),
            write: "text",
        };
        assert_eq!(error.reason(), "`message.data` is missing; write text");
        assert_eq!(error.field(), Some("message.data"));
        assert!(Malformed::NAMES.contains(&error.name()));
    }

    #[test]
    fn the_reason_says_where_the_reader_stumbled() {
        let source = serde_json::from_str::<u8>("x").unwrap_err();
        let reason = Malformed::NotJson {
            what: "the body",
            source,
        }
        .reason();
        assert_eq!(
            reason,
            "the body is not JSON; write one JSON object: expected value at line 1 column 1"
        );
    }
}
