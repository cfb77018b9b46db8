//! Which of the tables and columns that the texts need are not there, or of another type.
//!
//! What is said of it to people belongs to `doctor`.

use futures::future::try_join_all;
use serde_json::Value;

use super::{
    texts::Texts,
    wire::{Wire, said},
};
use crate::{
    ports::{Missing, PortError},
    warehouse::schema::{Column, Kind, TABLES, Table},
};

/// Compares the tables that the texts name with what is there.
///
/// # Errors
///
/// When a table could not be asked for.
pub async fn missing(wire: &Wire, texts: &Texts) -> Result<Vec<Missing>, PortError> {
    let needed = TABLES.into_iter().filter(|table| texts.name(table.name));
    let asked = needed.map(|table| async move {
        let found = wire.table(table.name).await;
        let found =
            found.map_err(|error| PortError::transient(error.doing.clone(), said(&error)))?;
        compare(table, found.as_ref())
    });
    Ok(try_join_all(asked).await?.concat())
}

fn compare(table: &Table, found: Option<&Value>) -> Result<Vec<Missing>, PortError> {
    let missing = |column: Option<&Column>, found: Option<String>| Missing {
        table: table.name.to_owned(),
        column: column.map(|column| column.name.to_owned()),
        found,
        wanted: column.map_or("TABLE", wanted).to_owned(),
    };
    let Some(found) = found else {
        return Ok(vec![missing(None, None)]);
    };
    let fields = found["schema"]["fields"].as_array().ok_or_else(|| {
        let doing = format!("asking which columns {} has", table.name);
        PortError::transient(doing, "an answer without columns")
    })?;
    let of = |column: &&'static Column| {
        let field = fields.iter().find(|field| {
            let name = field["name"].as_str().unwrap_or_default();
            name.eq_ignore_ascii_case(column.name)
        });
        let Some(field) = field else {
            return Some(missing(Some(column), None));
        };
        let found = type_of(field);
        (!fits(&found, wanted(column))).then(|| missing(Some(column), Some(found)))
    };
    let columns: Vec<&'static Column> = table.columns.iter().collect();
    Ok(columns.iter().filter_map(of).collect())
}

/// The type as SQL names it; the interface says older names (<https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema>).
fn type_of(field: &Value) -> String {
    let name = match field["type"].as_str().unwrap_or("nothing") {
        "INTEGER" => "INT64",
        "FLOAT" => "FLOAT64",
        "BOOLEAN" => "BOOL",
        "RECORD" => "STRUCT",
        other => other,
    };
    if field["mode"] == "REPEATED" {
        format!("ARRAY<{name}>")
    } else {
        name.to_owned()
    }
}

fn wanted(column: &Column) -> &'static str {
    match (column.name, column.kind) {
        ("data_quality_issues", _) => "ARRAY<STRING>",
        // Written by the service.
        ("duration_seconds", _) => "FLOAT64",
        (_, Kind::Text) => "STRING",
        (_, Kind::Integer) => "INT64",
        (_, Kind::Real) => "NUMERIC",
        (_, Kind::Boolean) => "BOOL",
        (_, Kind::Date) => "DATE",
        (_, Kind::Instant) => "TIMESTAMP",
        (_, Kind::Json) => "JSON",
    }
}

/// Numbers that are only read may be of any type.
fn fits(found: &str, wanted: &str) -> bool {
    let number = ["NUMERIC", "BIGNUMERIC", "FLOAT64"];
    found == wanted || (wanted == "NUMERIC" && number.contains(&found))
}
