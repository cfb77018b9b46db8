//! The texts that are asked: the shipped ones, those of a folder in their place, with the project of the tables.
//!
//! What they are asked with belongs to `warehouse::questions`.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use super::Settings;
use crate::warehouse::questions::Query;

/// The name of the text that records runs; it has no like in the embedded warehouse, which has another statement.
const RECORD: &str = "record_runs";
/// Words after which a table stands.
const BEFORE_TABLES: [&str; 5] = ["FROM", "JOIN", "INTO", "MERGE", "UPDATE"];

/// A folder of texts that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TextsError {
    /// The folder or a file of it cannot be read.
    #[error("reading the queries in {path}")]
    Read {
        /// What was read.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A file of a name that nothing asks.
    #[error("{path} replaces no query; there are {known}: rename or remove it")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The names there are.
        known: String,
    },
}

/// Every text by its name. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Texts(Arc<BTreeMap<&'static str, String>>);

impl Texts {
    /// The shipped texts, with those of the folder in their place.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read, or holds a file of another name.
    pub fn read(settings: &Settings) -> Result<Self, TextsError> {
        let mut texts: BTreeMap<&'static str, String> = Query::ALL
            .iter()
            .map(|query| (query.name(), query.text().to_owned()))
            .collect();
        texts.insert(RECORD, include_str!("queries/record_runs.sql").to_owned());
        if let Some(folder) = &settings.queries {
            replace(&mut texts, folder)?;
        }
        if settings.data_project != settings.project {
            for text in texts.values_mut() {
                *text = qualified(text, &settings.data_project);
            }
        }
        Ok(Self(Arc::new(texts)))
    }

    /// The text of a question.
    pub fn of(&self, query: Query) -> &str {
        &self.0[query.name()]
    }

    /// The text that records runs.
    pub fn record(&self) -> &str {
        &self.0[RECORD]
    }

    /// Whether a text names this table, `dataset.table`.
    pub fn name(&self, table: &str) -> bool {
        self.0.values().any(|text| text.contains(table))
    }
}

fn replace(
    texts: &mut BTreeMap<&'static str, String>,
    folder: &std::path::Path,
) -> Result<(), TextsError> {
    let unreadable = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| TextsError::Read { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A mounted folder holds hidden files of its own.
        if name.starts_with('.') {
            continue;
        }
        let known: Vec<String> = texts.keys().map(|name| format!("{name}.sql")).collect();
        let text = name
            .strip_suffix(".sql")
            .and_then(|name| texts.get_mut(name));
        let Some(text) = text else {
            let known = known.join(", ");
            return Err(TextsError::Unknown { path, known });
        };
        *text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
    }
    Ok(())
}

/// Puts the project before every `dataset.table`: a default dataset helps only names without a dataset.
fn qualified(text: &str, project: &str) -> String {
    let mut table_next = false;
    let lines = text.lines().map(|line| {
        if line.trim_start().starts_with("--") {
            return line.to_owned();
        }
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                if word.is_empty() {
                    return String::new();
                }
                let here = std::mem::replace(&mut table_next, is_before_table(word));
                let name = word.trim_end_matches([')', ',', ';']);
                if here && is_table(name) {
                    format!("`{project}`.{word}")
                } else {
                    word.to_owned()
                }
            })
            .collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_before_table(word: &str) -> bool {
    BEFORE_TABLES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(word))
}

fn is_table(word: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    word.split_once('.')
        .is_some_and(|(dataset, table)| plain(dataset) && plain(table))
}

#[cfg(test)]
mod tests {
    use super::qualified;
    use crate::warehouse::{questions::Query, schema::TABLES};

    #[test]
    fn every_table_of_every_shipped_text_gets_the_project_and_nothing_else_changes() {
        let record = include_str!("queries/record_runs.sql");
        for text in Query::ALL.iter().map(|query| query.text()).chain([record]) {
            let changed = qualified(text, "other-project");
            let mut expected = text.trim_end().to_owned();
            for table in TABLES {
                let name = format!("`other-project`.{}", table.name);
                expected = expected.replace(table.name, &name);
            }
            assert_eq!(changed, expected);
            assert!(changed.contains("`other-project`."), "{changed}");
        }
    }

    #[test]
    fn every_shipped_text_filters_the_partition_by_a_parameter() {
        for query in Query::ALL {
            let text = query.text();
            let tables = text.matches("FROM nba_").count() + text.matches("JOIN nba_").count();
            let filters =
                text.matches("game_date = ?").count() + text.matches("data_date = ?").count();
            assert!(tables > 0 && filters == tables, "{}", query.name());
        }
    }
}
