//! Where log lines go and how they look.
//!
//! What is logged belongs to whoever does it; the environment is read in `config`, not here.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter,
    filter::ParseError,
    util::{SubscriberInitExt, TryInitError},
};

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, for machines: production.
    #[default]
    Json,
    /// One line of text, for people.
    Text,
}

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter means nothing.
    #[error(
        "reading the log filter `{filter}`; write a level or `target=level`, separated by commas"
    )]
    Filter {
        /// What stood there.
        filter: String,
        /// Where the reader stumbled.
        source: ParseError,
    },
    /// It was started before.
    #[error("starting to log")]
    Started {
        /// What was there already.
        source: TryInitError,
    },
}

/// Sends log lines to standard error from now on, once a process. An empty filter means `info`.
///
/// # Errors
/// The filter means nothing, or logging had been started.
pub fn init(format: Format, filter: &str) -> Result<(), LoggingError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(read(filter)?)
        .with_writer(std::io::stderr);
    let started = match format {
        Format::Json => builder.json().flatten_event(true).finish().try_init(),
        Format::Text => {
            let colours = std::io::stderr().is_terminal();
            builder.with_ansi(colours).finish().try_init()
        }
    };
    started.map_err(|source| LoggingError::Started { source })
}

fn read(filter: &str) -> Result<EnvFilter, LoggingError> {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(filter)
        .map_err(|source| LoggingError::Filter {
            filter: filter.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;

    use super::{LoggingError, read};

    #[test]
    fn without_a_filter_what_changes_state_is_logged_and_details_are_not() {
        assert_eq!(read("").unwrap().max_level_hint(), Some(LevelFilter::INFO));
    }

    #[test]
    fn a_filter_says_what_it_wants() {
        let filter = read("warn,tipoff=debug").unwrap();
        assert_eq!(filter.max_level_hint(), Some(LevelFilter::DEBUG));
    }

    #[test]
    fn a_filter_that_means_nothing_is_refused() {
        let error = read("tipoff=loud").unwrap_err();
        assert!(matches!(&error, LoggingError::Filter { filter, .. } if filter == "tipoff=loud"));
        assert!(error.to_string().contains("`tipoff=loud`"));
    }
}
