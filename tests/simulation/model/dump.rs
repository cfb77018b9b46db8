//! All of the model as one text, and the question that makes the same text of the store's file.
//!
//! Comparing them belongs to the store under test.

use tipoff::domain::Instant;

use super::Model;

/// The store's rows as one text; an empty one where there are none.
pub const DUMP: &str = "
    SELECT coalesce((SELECT group_concat(line, char(10)) FROM (
        SELECT 'unit ' || unit || ' ' || game_id || ' ' || listed_wave || ' ' || coalesce(plan_wave, 0) || ' '
            || coalesce(staged_wave, 0) || ' ' || coalesce(frozen_wave, 0) || ' ' || row_listed || ' ' || standing
            || ' ' || coalesce(reason, '-') || ' ' || coalesce(reason_text, '-') || ' ' || coalesce(true_at, '-')
            || ' ' || in_time || ' ' || coalesce(claimed_at, '-') || ' ' || missing || ' ' || dispatched || ' '
            || attempt || ' ' || phase || ' ' || coalesce(batch_id, '-') || ' ' || coalesce(sent_at, '-') || ' '
            || coalesce(lease_until, '-') || ' ' || tries AS line
        FROM units ORDER BY handoff, game_date, unit)), '')
    || char(10) || coalesce((SELECT group_concat(line, char(10)) FROM (
        SELECT 'effect ' || id || ' ' || due_at || ' ' || tries || ' ' || coalesce(lease_until, '-') || ' ' || dead
            AS line FROM outbox ORDER BY id)), '')
    || char(10) || coalesce((SELECT group_concat(line, char(10)) FROM (
        SELECT 'run ' || handoff || ' ' || game_date || ' ' || state || ' ' || coalesce(next_wake_at, '-') || ' '
            || coalesce(closed_at, '-') AS line FROM runs ORDER BY handoff, game_date)), '')
    || char(10) || coalesce((SELECT group_concat(line, char(10)) FROM (
        SELECT 'batch ' || batch_id || ' ' || wave || ' ' || released AS line FROM batches ORDER BY wave)), '')
    || char(10) || 'inbox ' || (SELECT count(*) FROM inbox)
    || ' history ' || (SELECT count(*) FROM history) || ' quarantine ' || (SELECT count(*) FROM quarantine)";

fn at(instant: Option<Instant>) -> String {
    instant.map_or("-".to_owned(), |at| at.timestamp_micros().to_string())
}

fn word(word: &Option<String>) -> &str {
    word.as_deref().unwrap_or("-")
}

impl Model {
    /// The same text as [`DUMP`] gives.
    pub fn dump(&self) -> String {
        let parts = [
            self.units_text(),
            self.effects_text(),
            self.runs_text(),
            self.batches_text(),
        ];
        let history: usize = self.history.values().map(Vec::len).sum();
        format!(
            "{}\ninbox {} history {history} quarantine {}",
            parts.map(|lines| lines.join("\n")).join("\n"),
            self.inbox.len(),
            self.quarantine.len()
        )
    }

    /// A night's history, a line an entry, for whoever looks into it.
    pub fn story(&self, key: &tipoff::domain::ids::RunKey) -> String {
        let entries = self.history.get(key).into_iter().flatten();
        let line = |entry: &std::sync::Arc<tipoff::ports::store::HistoryEntry>| {
            let why: Vec<&str> = entry
                .why
                .iter()
                .map(|reason| reason.text.as_str())
                .collect();
            let event = entry
                .event
                .as_ref()
                .map_or(String::new(), |it| format!("{it:?}"));
            let event: String = event.chars().take(1600).collect();
            format!(
                "{} {:?} {:?} | {} | {event}\n",
                entry.at.format("%H:%M:%S%.3f"),
                entry.step,
                entry.state,
                why.join("; ")
            )
        };
        entries.map(line).collect()
    }

    fn units_text(&self) -> Vec<String> {
        let units = self.sets.values().flat_map(|set| set.units.values());
        let line = |unit: &super::Unit| {
            format!(
                "unit {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
                unit.listing.unit,
                unit.listing.game_id,
                unit.listed_wave,
                unit.plan_wave,
                unit.staged_wave,
                unit.frozen_wave,
                u8::from(unit.row_listed),
                unit.standing.rank(),
                word(&unit.reason),
                word(&unit.reason_text),
                at(unit.true_at),
                u8::from(unit.in_time),
                at(unit.claimed_at),
                u8::from(unit.missing),
                u8::from(unit.dispatched),
                unit.attempt,
                unit.phase.name(),
                word(&unit.batch_id),
                at(unit.sent_at),
                at(unit.lease_until),
                unit.tries
            )
        };
        units.map(line).collect()
    }

    fn effects_text(&self) -> Vec<String> {
        let line = |waiting: &super::Waiting| {
            format!(
                "effect {} {} {} {} {}",
                waiting.item.id,
                at(Some(waiting.item.due_at)),
                waiting.item.tries,
                at(waiting.lease_until),
                u8::from(waiting.dead)
            )
        };
        self.outbox.values().map(line).collect()
    }

    fn runs_text(&self) -> Vec<String> {
        let runs = self.runs.values();
        let line = |(run, wake): &(std::sync::Arc<tipoff::domain::run::Run>, Option<Instant>)| {
            format!(
                "run {} {} {} {} {}",
                run.key.handoff,
                run.key.game_date,
                run.state.name(),
                at(*wake),
                at(run.closed_at)
            )
        };
        runs.map(line).collect()
    }

    fn batches_text(&self) -> Vec<String> {
        let mut batches: Vec<_> = self.sets.values().flat_map(|set| &set.batches).collect();
        batches.sort_by_key(|batch| batch.wave);
        let line = |batch: &&super::Batch| {
            format!(
                "batch {} {} {}",
                batch.id,
                batch.wave,
                u8::from(batch.released)
            )
        };
        batches.iter().map(line).collect()
    }
}
