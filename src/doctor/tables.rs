//! The tables and columns that questions need: one finding for each that is missing.
//!
//! How they are looked for belongs to the warehouses.

use std::sync::Arc;

use futures::future::join_all;

use crate::{
    domain::{
        ids::HandoffId,
        wiring::{Check, Finding},
    },
    ports::{Missing, Warehouse, chain},
};

/// The tables of each handoff.
pub type Tables = Vec<(HandoffId, Arc<dyn Warehouse>)>;

/// Asks every warehouse what is missing.
pub async fn look(tables: &Tables) -> Vec<Finding> {
    join_all(
        tables
            .iter()
            .map(|(id, warehouse)| of(id, warehouse.as_ref())),
    )
    .await
    .concat()
}

async fn of(id: &HandoffId, warehouse: &dyn Warehouse) -> Vec<Finding> {
    let subject = format!("tables of {id}");
    match warehouse.missing().await {
        Err(error) => vec![Finding::could_not_ask(
            Check::Tables,
            subject,
            chain(&error),
        )],
        Ok(missing) if missing.is_empty() => {
            let text = "every table and column is there";
            vec![Finding::ok(Check::Tables, subject, text)]
        }
        Ok(missing) => missing.iter().map(wrong).collect(),
    }
}

fn wrong(missing: &Missing) -> Finding {
    let Missing {
        table,
        column,
        found,
        wanted,
    } = missing;
    let Some(column) = column else {
        let text = "the table is not there";
        let mend = "make it, or replace the query that asks it by one for your tables: google.bigquery.queries";
        return Finding::wrong(Check::Tables, table, text, mend);
    };
    let subject = format!("{table}.{column}");
    match found {
        None => Finding::wrong(
            Check::Tables,
            subject,
            format!("the column is not there; it ought to be {wanted}"),
            format!(
                "bq query --use_legacy_sql=false 'ALTER TABLE `{table}` ADD COLUMN {column} {wanted}'"
            ),
        ),
        Some(found) => Finding::wrong(
            Check::Tables,
            subject,
            format!("the column is {found}, and ought to be {wanted}"),
            "replace the query that reads it by one that converts it: google.bigquery.queries",
        ),
    }
}
