//! The tables and columns of the embedded warehouse: one list, from which files, statements and loading follow.
//!
//! Only columns the service uses are here. What is asked of them stands in `queries/`.

/// How a column's values are kept in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text as it is.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Real,
    /// Truth, kept as 0 or 1.
    Boolean,
    /// A day, kept as `2026-01-19`.
    Date,
    /// An instant, kept as fixed-width UTC text, so that the order of text is the order of time.
    Instant,
    /// A JSON value, kept as text.
    Json,
}

impl Kind {
    fn sqlite_type(self) -> &'static str {
        match self {
            Self::Text | Self::Date | Self::Instant | Self::Json => "TEXT",
            Self::Integer | Self::Boolean => "INTEGER",
            Self::Real => "REAL",
        }
    }
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// How its values are kept.
    pub kind: Kind,
    /// Whether loading insists on a value: no question finds a row without it.
    pub required: bool,
}

/// One table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// `dataset.table`.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    index_columns: &'static str,
}

/// The datasets, each a SQLite file of that name.
pub const DATASETS: [&str; 3] = ["nba_reference", "nba_predictions", "nba_analytics"];

/// When each processor ran for which date.
pub const RUN_HISTORY: Table = Table {
    name: "nba_reference.processor_run_history",
    columns: &[
        required("processor_name", Kind::Text),
        optional("run_id", Kind::Text),
        required("data_date", Kind::Date),
        optional("status", Kind::Text),
        optional("records_processed", Kind::Integer),
        optional("started_at", Kind::Instant),
        optional("processed_at", Kind::Instant),
        optional("triggered_by", Kind::Text),
        optional("trigger_source", Kind::Text),
        optional("trigger_message_id", Kind::Text),
        optional("duration_seconds", Kind::Real),
        optional("phase", Kind::Text),
        optional("summary", Kind::Json),
        optional("errors", Kind::Json),
    ],
    index_columns: "data_date, processor_name, run_id",
};

/// One row of features a player and date.
pub const FEATURES: Table = Table {
    name: "nba_predictions.ml_feature_store_v2",
    columns: &[
        required("player_lookup", Kind::Text),
        required("game_date", Kind::Date),
        optional("game_id", Kind::Text),
        optional("is_production_ready", Kind::Boolean),
        optional("feature_quality_score", Kind::Real),
        optional("feature_version", Kind::Text),
        optional("data_quality_issues", Kind::Json),
        optional("circuit_breaker_active", Kind::Boolean),
        optional("updated_at", Kind::Instant),
    ],
    index_columns: "game_date, player_lookup",
};

/// One row of predictions a player, date and system.
pub const PREDICTIONS: Table = Table {
    name: "nba_predictions.player_prop_predictions",
    columns: &[
        optional("prediction_id", Kind::Text),
        optional("system_id", Kind::Text),
        required("player_lookup", Kind::Text),
        required("game_date", Kind::Date),
        optional("game_id", Kind::Text),
        optional("is_active", Kind::Boolean),
        optional("created_at", Kind::Instant),
    ],
    index_columns: "game_date, player_lookup, is_active, created_at",
};

/// Who plays on a date, for whom and against whom.
pub const CONTEXTS: Table = Table {
    name: "nba_analytics.upcoming_player_game_context",
    columns: &[
        required("player_lookup", Kind::Text),
        optional("game_id", Kind::Text),
        required("game_date", Kind::Date),
        optional("team_abbr", Kind::Text),
        optional("opponent_team_abbr", Kind::Text),
        optional("home_game", Kind::Boolean),
        optional("has_prop_line", Kind::Boolean),
        optional("current_points_line", Kind::Real),
        optional("avg_minutes_per_game_last_7", Kind::Real),
        optional("player_status", Kind::Text),
    ],
    index_columns: "game_date, player_lookup",
};

/// All tables.
pub const TABLES: [&Table; 4] = [&RUN_HISTORY, &FEATURES, &PREDICTIONS, &CONTEXTS];

const fn required(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        required: true,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        required: false,
    }
}

impl Table {
    /// The table of that full name, `dataset.table`.
    pub fn find(name: &str) -> Option<&'static Table> {
        TABLES.into_iter().find(|table| table.name == name)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column names, with commas between.
    pub fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        names.join(", ")
    }

    /// The statement that creates the table where it is not there.
    pub(super) fn create_statement(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.kind.sqlite_type()))
            .collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({}) STRICT",
            self.name,
            columns.join(", ")
        )
    }

    /// The statement that creates the index every question goes through, where it is not there.
    pub(super) fn index_statement(&self) -> String {
        let (dataset, table) = self.name.split_once('.').unwrap_or(("main", self.name));
        format!(
            "CREATE INDEX IF NOT EXISTS {dataset}.{table}_by_date ON {table} ({})",
            self.index_columns
        )
    }

    /// The statement that adds rows given as one JSON array of objects.
    pub(super) fn insert_statement(&self) -> String {
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("v.value ->> '{}'", column.name))
            .collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM json_each(?) AS v",
            self.name,
            self.column_names(),
            values.join(", ")
        )
    }

    /// The statement that removes the rows whose `key` columns equal those of one of the given rows.
    pub(super) fn delete_statement(&self, key: [&str; 2]) -> String {
        let [first, second] = key;
        format!(
            "DELETE FROM {} WHERE ({first}, {second}) IN \
             (SELECT v.value ->> '{first}', v.value ->> '{second}' FROM json_each(?) AS v)",
            self.name
        )
    }
}
