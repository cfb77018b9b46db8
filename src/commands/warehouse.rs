//! `warehouse`: loads CSV or NDJSON into the embedded warehouse, or asks it a question.
//!
//! Reading rows and refusing bad ones belongs to `warehouse::load`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;

use crate::warehouse::{EmbeddedWarehouse, Format};

/// Arguments of `warehouse`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The service's folder
    #[arg(
        long,
        value_name = "DIR",
        env = "TIPOFF_DATA",
        default_value = "./tipoff-data"
    )]
    data: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Load rows into a table; all of them, or none
    Load {
        /// The table, for example nba_predictions.ml_feature_store_v2
        table: String,
        /// A .csv file, or NDJSON
        file: PathBuf,
    },
    /// Ask a question in SQL; nothing can be changed
    Query {
        /// The question
        sql: String,
        /// Print JSON, a line a row
        #[arg(long)]
        json: bool,
    },
}

/// Loads or asks.
///
/// # Errors
///
/// When the file cannot be read, a row is refused or the question is none; the error says which.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = args.data.join("warehouse");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("making the folder {}", folder.display()))?;
    let warehouse = EmbeddedWarehouse::open(&folder).await?;
    match args.action {
        Action::Load { table, file } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("reading {}", file.display()))?;
            let csv = file
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
            let format = if csv { Format::Csv } else { Format::Ndjson };
            let rows = warehouse.load(&table, format, &text).await?;
            println!("{rows} rows loaded into {table}");
        }
        Action::Query { sql, json } => {
            let answer = warehouse.query(&sql).await?;
            if !json {
                println!("{}", answer.columns.join("\t"));
            }
            for row in &answer.rows {
                println!("{}", line(&answer.columns, row, json));
            }
        }
    }
    warehouse.close().await;
    Ok(ExitCode::SUCCESS)
}

fn line(columns: &[String], row: &[serde_json::Value], json: bool) -> String {
    if json {
        let members = columns.iter().cloned().zip(row.iter().cloned()).collect();
        return serde_json::Value::Object(members).to_string();
    }
    let cells: Vec<String> = row
        .iter()
        .map(|cell| {
            cell.as_str()
                .map_or_else(|| cell.to_string(), str::to_owned)
        })
        .collect();
    cells.join("\t")
}
