//! Whole names of topics and subscriptions, as Pub/Sub and its pushes say them, and their addresses.
//!
//! Which ones there are belongs to the configuration.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986's unreserved characters stand for themselves.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A whole name: `projects/P/topics/T` or `projects/P/subscriptions/S`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Name {
    /// A topic of the project; a whole name stays what it is.
    pub fn topic(project: &str, name: &str) -> Self {
        Self::of(project, "topics", name)
    }

    /// A subscription of the project; a whole name stays what it is.
    pub fn subscription(project: &str, name: &str) -> Self {
        Self::of(project, "subscriptions", name)
    }

    fn of(project: &str, kind: &str, name: &str) -> Self {
        Self(if name.contains('/') {
            name.to_owned()
        } else {
            format!("projects/{project}/{kind}/{name}")
        })
    }

    /// The path of something done to it, below the interface's base.
    pub fn path(&self, verb: &str) -> String {
        let encoded: Vec<String> = self
            .0
            .split('/')
            .map(|part| utf8_percent_encode(part, ENCODED).to_string())
            .collect();
        format!("/{}:{verb}", encoded.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_whole_name_may_be_of_another_project() {
        let own = Name::topic("p", "t");
        assert_eq!(own.to_string(), "projects/p/topics/t");
        let other = Name::subscription("p", "projects/q/subscriptions/s");
        assert_eq!(other.to_string(), "projects/q/subscriptions/s");
    }

    #[test]
    fn what_an_address_cannot_hold_is_encoded() {
        let name = Name::topic("p", "a%b+c?d");
        assert_eq!(
            name.path("publish"),
            "/projects/p/topics/a%25b%2Bc%3Fd:publish"
        );
    }
}
