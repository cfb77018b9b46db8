//! What has to be true once a simulated night is over, whatever happened in it.
//!
//! Playing it belongs to the night.

use std::collections::{BTreeMap, BTreeSet};

use tipoff::{
    domain::{
        Instant,
        alert::Severity,
        completion::{Outcome, Standing},
        event::Event,
        ids::{MessageId, RequestId, UnitId},
        reason::Code,
        run::{Opening, Purpose, Run, State, step},
        sla::Verdict,
        trigger::Source,
    },
    ports::store::HistoryEntry,
};

use crate::{
    model::{Model, Set, unit::Phase},
    night::Night,
    world::{Call, Facts},
};

/// A wait is asked about every minute, and a question that goes unanswered for a quarter of an hour is given up.
const SOON: chrono::TimeDelta = chrono::TimeDelta::minutes(20);
/// How long the first unit of a page may be on its way before it is published.
const SENDING: chrono::TimeDelta = chrono::TimeDelta::seconds(30);

/// Everything that a night left behind.
struct Evidence<'a> {
    night: &'a Night,
    model: &'a Model,
    run: Run,
    set: Set,
    facts: &'a Facts,
    findings: Vec<String>,
}

/// How the run ended, and what ought not to be.
pub fn judge(night: &Night) -> (String, Vec<String>) {
    let model = night.model.lock().unwrap();
    let facts = night.world.facts();
    let key = &night.world.key;
    let Some(run) = model.run(key) else {
        let findings = if came_too_late(night, &facts) {
            Vec::new()
        } else {
            vec!["there is no run".to_owned()]
        };
        return ("no run".to_owned(), findings);
    };
    let mut evidence = Evidence {
        night,
        model: &model,
        set: model.set(key),
        facts: &facts,
        findings: Vec::new(),
        run,
    };
    evidence.the_run_has_come_to_an_end();
    evidence.every_unit_has_one_outcome();
    evidence.nothing_acknowledged_is_lost();
    evidence.every_standing_has_a_source();
    evidence.each_message_acts_once();
    evidence.counts_equal_a_recount();
    evidence.complete_is_complete();
    evidence.no_row_is_overlooked();
    evidence.the_verdict_is_what_was_true();
    evidence.the_history_gives_the_run();
    evidence.what_is_sent_again_had_a_reason();
    evidence.the_end_was_announced();
    let state = format!("{} {:?}", evidence.run.state.name(), evidence.run.verdict());
    (state, evidence.findings)
}

/// An installation that is up for the first time once the deadline is over does not judge it, and nobody asked it to.
fn came_too_late(night: &Night, facts: &Facts) -> bool {
    let instants = night.policy.instants(night.world.key.game_date);
    let is_over = |at: Instant| at >= instants.deadline_at;
    // A stranger's answer is acknowledged at any time, and asks nothing of the night.
    let nothing_before = facts.acknowledged.iter().all(|(_, at)| is_over(*at));
    night.up_since.is_none_or(is_over) && nothing_before && facts.upstream_ids.is_empty()
}

/// The run was opened, or opened again.
fn is_opening(entry: &HistoryEntry) -> bool {
    entry.why.iter().any(|reason| reason.code == Code::Opened)
}

impl Evidence<'_> {
    fn hold(&mut self, is_so: bool, finding: impl FnOnce() -> String) {
        if !is_so {
            self.findings.push(finding());
        }
    }

    fn the_run_has_come_to_an_end(&mut self) {
        let run = self.run.clone();
        let ended = run.is_settled() || run.state == State::Expected || self.waits_for_good();
        self.hold(ended, || {
            format!("it is {:?} and stays so: {:?}", run.state, run.batch)
        });
        // Opened again for a person it is a backfill, without promises.
        let judged = match run.purpose {
            Purpose::Tonight => matches!(run.verdict(), Some(Verdict::Met | Verdict::Breached)),
            Purpose::Backfill => run.verdict().is_none(),
        };
        self.hold(judged, || format!("no verdict: {:?}", run.verdict()));
        let waits: Vec<String> = self.model.effects().map(|it| format!("{it:?}")).collect();
        self.hold(waits.is_empty(), || format!("never done: {waits:?}"));
    }

    /// It closed while it waited, for good: until shortly before, the upstream had not finished, or nobody could be asked.
    fn waits_for_good(&self) -> bool {
        let run = &self.run;
        let soon = |at: Instant| run.closed_at.is_some_and(|closed_at| at + SOON > closed_at);
        let finishes_soon = self.facts.finished_at.is_none_or(soon);
        let nothing = run.counts.ready == 0;
        run.state == State::Waiting && (finishes_soon || soon(self.night.heals_at) || nothing)
    }

    fn every_unit_has_one_outcome(&mut self) {
        let calls = self.facts.calls.clone();
        let asked: BTreeSet<&UnitId> = calls.iter().map(|call| &call.unit).collect();
        for id in asked {
            let unit = self.set.units.get(id).cloned();
            self.hold(unit.is_some(), || {
                format!("{id} was sent, and no row knows it")
            });
            let Some(unit) = unit else { continue };
            let ended = matches!(
                unit.phase,
                Phase::Answered | Phase::GivenUp | Phase::Refused
            );
            // Its batch was ended before it was known whether it had been published.
            let freed =
                unit.phase == Phase::Idle && self.set.was_released(unit.batch_id.as_deref());
            let ended = ended || freed;
            self.hold(ended && unit.lease_until.is_none(), || {
                format!("{id} is open: {unit:?}")
            });
            self.hold(unit.dispatched, || {
                format!("{id} was sent and does not count: {unit:?}")
            });
        }
    }

    fn nothing_acknowledged_is_lost(&mut self) {
        let permanent = &self.night.policy.completion.permanent_skip_reasons;
        let mut losses = Vec::new();
        for (message, _) in &self.facts.acknowledged {
            if !self.model.has_accepted(&message.id) {
                losses.push(format!("{message:?} was acknowledged and not kept"));
            }
            let standing = Standing::of(&message.outcome, permanent);
            if let Some(unit) = self.set.units.get(&message.unit)
                && unit.standing < standing
            {
                losses.push(format!("{message:?} was acknowledged: {unit:?}"));
            }
        }
        self.findings.extend(losses);
    }

    /// In whatever order messages came: a unit stands as the highest of them says, or its row.
    fn every_standing_has_a_source(&mut self) {
        let permanent = &self.night.policy.completion.permanent_skip_reasons;
        let mut highest: BTreeMap<&UnitId, Standing> = BTreeMap::new();
        let handed = self.facts.handed.iter();
        let said = handed.map(|it| (&it.unit, Standing::of(&it.outcome, permanent)));
        let stored = self.facts.rows.keys().map(|id| (id, Standing::Stored));
        for (id, standing) in said.chain(stored) {
            let known = highest.entry(id).or_default();
            *known = standing.max(*known);
        }
        let baseless = self.set.units.iter().filter(|(id, unit)| {
            let most = highest.get(id).copied().unwrap_or_default();
            let refused = unit.reason.as_deref() == Some("publish");
            unit.standing > most && !(refused && unit.standing == Standing::Failed)
        });
        let baseless: Vec<String> = baseless.map(|it| format!("{it:?}")).collect();
        self.hold(baseless.is_empty(), || {
            format!("nobody said so: {baseless:?}")
        });
    }

    /// However often it came.
    fn each_message_acts_once(&mut self) {
        let history = self.model.history(&self.run.key);
        let by_event = |entry: &&HistoryEntry| match &entry.event {
            Some(Event::Triggered(trigger)) => trigger.source == Source::Event,
            _ => false,
        };
        let triggered = history.iter().filter(by_event).count();
        let ids = self.facts.upstream_ids.len();
        self.hold(triggered <= ids, || {
            format!("{ids} events of the upstream acted {triggered} times")
        });
        let kept = self.model.quarantined(u32::MAX);
        let ids: BTreeSet<&MessageId> = kept.iter().map(|it| &it.message_id).collect();
        self.hold(ids.len() == kept.len(), || {
            format!(
                "{} messages are {} times in quarantine",
                ids.len(),
                kept.len()
            )
        });
    }

    fn counts_equal_a_recount(&mut self) {
        let run = self.run.clone();
        let counts = run.counts;
        let wave = self.set.planned_wave();
        let mut plan = tipoff::domain::completion::Standings::default();
        let mut sent = plan;
        let (mut missing, mut in_time, mut in_flight) = (0, 0, 0);
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        for unit in self.set.units.values() {
            in_flight += u64::from(unit.phase == Phase::Sent);
            if !unit.is_of(wave) {
                continue;
            }
            plan.add(unit.standing, 1);
            if unit.counts_as_sent(wave) {
                sent.add(unit.standing, 1);
            }
            missing += u64::from(unit.missing);
            in_time += u64::from(unit.in_time);
            if let Some(reason) = &unit.reason {
                *reasons.entry(reason.clone()).or_default() += 1;
            }
        }
        if wave == 0 {
            return;
        }
        let mut told = counts.reasons.clone();
        told.retain(|_, units| *units > 0);
        let recounted = (plan, sent, missing, in_time, in_flight, reasons);
        let said = (
            counts.plan,
            counts.sent,
            counts.missing,
            counts.in_time,
            counts.in_flight,
            told,
        );
        self.hold(recounted == said, || {
            format!("the run counts {said:?}, the rows are {recounted:?}")
        });
    }

    /// No completion lies: every ready unit has its row, or a permanent skip.
    fn complete_is_complete(&mut self) {
        if self.run.state != State::Complete {
            return;
        }
        let wave = self.set.planned_wave();
        let units: Vec<_> = self
            .set
            .units
            .iter()
            .filter(|(_, it)| it.listed_wave == wave)
            .collect();
        let open = units.iter().filter(|(id, unit)| {
            let stored = self.facts.rows.contains_key(id) && unit.standing == Standing::Stored;
            !stored && unit.standing != Standing::SkippedForGood
        });
        let open: Vec<String> = open.map(|(id, _)| id.to_string()).collect();
        self.hold(open.is_empty(), || format!("complete, but for {open:?}"));
    }

    /// A claim is missing only if its row was not there when the rows were compared.
    fn no_row_is_overlooked(&mut self) {
        let overlooked = self.set.units.iter().filter(|(id, unit)| {
            let row = self.facts.rows.get(id);
            unit.missing && row.is_some_and(|at| Some(*at) <= unit.claimed_at)
        });
        let overlooked: Vec<String> = overlooked.map(|(id, _)| id.to_string()).collect();
        self.hold(overlooked.is_empty(), || {
            format!("taken for missing, though their rows were there: {overlooked:?}")
        });
    }

    /// The units that were satisfied by then, as the world knows it.
    fn satisfied_by(&self, until: Instant) -> BTreeSet<UnitId> {
        let permanent = &self.night.policy.completion.permanent_skip_reasons;
        let skipped = self
            .facts
            .acknowledged
            .iter()
            .filter(|(message, received_at)| {
                let at = message.published_at.unwrap_or(*received_at);
                let Outcome::Skipped(reason) = &message.outcome else {
                    return false;
                };
                at <= until && permanent.contains(reason)
            });
        let rows = self.facts.rows.iter().filter(|(_, at)| **at <= until);
        rows.map(|(unit, _)| unit.clone())
            .chain(skipped.map(|(message, _)| message.unit.clone()))
            .collect()
    }

    fn the_verdict_is_what_was_true(&mut self) {
        let run = self.run.clone();
        let Some(ruling) = &run.ruling else { return };
        let wave = self.set.planned_wave();
        let satisfied = self.satisfied_by(run.instants.deadline_at);
        let planned = self.set.units.iter().filter(|(_, unit)| unit.is_of(wave));
        let (closed, open): (Vec<_>, Vec<_>) = planned.partition(|(id, _)| satisfied.contains(*id));
        let ready = run.counts.ready;
        // Ready after the wave was frozen, and in none since.
        let unplanned = ready.saturating_sub((closed.len() + open.len()) as u64);
        let open = open.len() as u64 + unplanned;
        let tolerated = wave > 0 && run.policy.sla.tolerates(open, ready);
        // A claim counts until it is known to be missing, and what came into the plan after the deadline cannot be
        // told apart here: only what was wrong beyond doubt is a finding.
        if ruling.kept && ruling.confirmed && run.waves == 1 {
            let claimed = self.claimed_by(run.instants.deadline_at);
            let planned = self.set.units.iter().filter(|(_, unit)| unit.is_of(wave));
            let open = planned
                .filter(|(id, _)| !satisfied.contains(id) && !claimed.contains(id))
                .count() as u64;
            let fair = run.policy.sla.tolerates(open, ready);
            self.hold(fair, || {
                format!("met, with {open} of {ready} open at the deadline")
            });
        }
        if !ruling.kept && ruling.confirmed && run.waves == 1 && !ruling.late {
            self.hold(!tolerated || run.counts.ready == 0, || {
                format!("breached, with {open} of {ready} open at the deadline: {ruling:?}")
            });
        }
    }

    fn claimed_by(&self, until: Instant) -> BTreeSet<UnitId> {
        let claims = self.facts.acknowledged.iter().filter(|(message, at)| {
            message.outcome == Outcome::Predicted && message.published_at.unwrap_or(*at) <= until
        });
        claims.map(|(message, _)| message.unit.clone()).collect()
    }

    /// The stored events, played again, give the stored run.
    fn the_history_gives_the_run(&mut self) {
        let run = self.run.clone();
        let is_past = run.opened_at >= run.policy.instants(run.key.game_date).closes_at;
        let opening = Opening {
            key: run.key.clone(),
            purpose: match is_past {
                true => Purpose::Backfill,
                false => Purpose::Tonight,
            },
            policy: run.policy.clone(),
            baseline: run.baseline.clone(),
            expectation: run.expectation,
        };
        let history = self.model.history(&run.key);
        let mut played = Run::open(opening, run.opened_at);
        for entry in &history {
            match &entry.event {
                Some(event) => played = step(played, event, entry.at).run,
                None if played.closed_at.is_some() && is_opening(entry) => {
                    played.reopen_as_backfill(entry.at);
                }
                None => {}
            }
        }
        self.hold(played == run, || {
            format!(
                "the history gives {} in step {}, the run is {} in step {}",
                played.state.name(),
                played.steps,
                run.state.name(),
                run.steps
            )
        });
        let steps: Vec<u64> = history.iter().filter_map(|entry| entry.step).collect();
        let counted: Vec<u64> = (1..=run.steps).collect();
        self.hold(steps == counted, || {
            format!("steps with a hole or a repeat: {steps:?}")
        });
    }

    /// A key goes out again only after something went wrong; another attempt only once the one before is over.
    fn what_is_sent_again_had_a_reason(&mut self) {
        let mut last: BTreeMap<RequestId, Call> = BTreeMap::new();
        let mut attempts: BTreeMap<UnitId, Call> = BTreeMap::new();
        let timeout = self.night.policy.completion.answer_timeout;
        let history = self.model.history(&self.run.key);
        let was_reset = history.iter().any(|entry| {
            let is_reset = matches!(entry.event, Some(Event::Reset { .. }));
            is_reset && entry.step.is_some()
        });
        for call in self.facts.calls.clone() {
            if let Some(before) = last.insert(call.key.clone(), call.clone()) {
                let disturbed = call.disturbances > before.disturbances || call.has_jumped;
                self.hold(disturbed, || {
                    format!("{} was sent again without a reason", call.key)
                });
            }
            if let Some(before) = attempts.insert(call.unit.clone(), call.clone())
                && before.attempt != call.attempt
            {
                // What was on its way when a person reset the night arrives when it arrives.
                let overtaken = call.attempt < before.attempt && was_reset;
                let follows = call.attempt == before.attempt + 1
                    || (call.attempt > before.attempt && call.disturbances > 0)
                    || overtaken;
                self.hold(follows, || format!("{} follows {}", call.key, before.key));
                let over = call.at - before.at >= timeout
                    || self.facts.interventions > 0
                    || call.disturbances > before.disturbances
                    || call.has_jumped
                    || self.has_answer(&before, call.at);
                self.hold(over, || {
                    format!("{} was sent while {} was in flight", call.key, before.key)
                });
            }
        }
    }

    /// Whether it was answered: by its own answer, or by one that names no attempt and came when it was being sent.
    fn has_answer(&self, call: &Call, until: Instant) -> bool {
        let acknowledged = self.facts.acknowledged.iter();
        acknowledged
            .filter(|(message, at)| message.unit == call.unit && *at <= until)
            .any(|(message, at)| {
                let is_nameless = message.request_id.is_none();
                message.attempt == call.attempt || (is_nameless && *at + SENDING >= call.at)
            })
    }

    fn the_end_was_announced(&mut self) {
        let announced = self.facts.announced.len();
        let wants = self.run.announced.is_some();
        self.hold(!wants || announced > 0, || {
            "the end was announced to nobody".to_owned()
        });
        let alarms = self.run.alerts.iter();
        let alarms: Vec<_> = alarms
            .filter(|it| it.severity >= Severity::Warning)
            .collect();
        let heard: BTreeSet<String> = self
            .facts
            .heard
            .iter()
            .flat_map(|(_, notice)| notice.openings())
            .collect();
        let scope = format!("{}/{}", self.run.key.handoff, self.run.key.game_date);
        let unheard: Vec<String> = alarms
            .iter()
            .filter(|it| it.kind.covered_by().is_none() && !heard.contains(&it.opening(&scope)))
            .map(|it| it.opening(&scope))
            .collect();
        self.hold(unheard.is_empty(), || {
            format!("nobody heard of {unheard:?}")
        });
    }
}
