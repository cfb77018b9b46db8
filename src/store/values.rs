//! Values as the tables hold them ↔ values as the domain has them: instants, dates, JSON, columns.
//!
//! What a whole row means belongs to the file of its table.

use chrono::DateTime;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{ColumnIndex, Decode, Row, Sqlite, Type, sqlite::SqliteRow};

use crate::{
    domain::{Instant, ids::GameDate},
    ports::{Cause, store::StoreError},
};

/// Says what was being done when something went wrong.
pub(super) fn failed<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError {
        doing,
        source: source.into(),
    }
}

/// One column of a row.
pub(super) fn get<'r, T>(
    row: &'r SqliteRow,
    column: impl ColumnIndex<SqliteRow>,
) -> Result<T, StoreError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(column).map_err(failed("read a column"))
}

/// A count or number that is never negative.
pub(super) fn get_number<N: TryFrom<i64>>(
    row: &SqliteRow,
    column: impl ColumnIndex<SqliteRow>,
) -> Result<N, StoreError>
where
    N::Error: std::error::Error + Send + Sync + 'static,
{
    N::try_from(get::<i64>(row, column)?).map_err(failed("read a number"))
}

/// An instant that may be absent.
pub(super) fn get_instant(
    row: &SqliteRow,
    column: impl ColumnIndex<SqliteRow>,
) -> Result<Option<Instant>, StoreError> {
    get::<Option<i64>>(row, column)?.map(instant).transpose()
}

/// Microseconds since 1970.
pub(super) fn micros(at: Instant) -> i64 {
    at.timestamp_micros()
}

/// The instant that many microseconds after 1970.
pub(super) fn instant(micros: i64) -> Result<Instant, StoreError> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| failed("read an instant")(format!("{micros} is out of range")))
}

/// A date as YYYY-MM-DD, which sorts as dates do.
pub(super) fn date_text(date: GameDate) -> String {
    date.to_string()
}

/// The date of such a text.
pub(super) fn date(text: &str) -> Result<GameDate, StoreError> {
    text.parse().map(GameDate).map_err(failed("read a date"))
}

/// A value as JSON.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(failed("write JSON"))
}

/// A value out of its JSON.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(failed("read JSON"))
}
