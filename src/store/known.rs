//! What the writer knows without asking: open runs as they were last written, and the plan last looked up.
//!
//! It holds because nobody else writes. A transaction takes it along and gives it back with its commit; however else the
//! transaction ends, nothing is known any more, and the database is asked. What a run or a plan is stands elsewhere.

use std::collections::BTreeMap;

use super::unit::Plan;
use crate::domain::{ids::RunKey, run::Run};

/// What is known.
#[derive(Default)]
pub(super) struct Known {
    runs: BTreeMap<RunKey, Run>,
    /// Most transactions are about one run.
    plan: Option<(RunKey, Plan)>,
}

impl Known {
    /// The run as it was last written or read.
    pub fn run(&self, key: &RunKey) -> Option<&Run> {
        self.runs.get(key)
    }

    /// Keeps a run in mind; one that has closed is hardly asked for again.
    pub fn keep_run(&mut self, run: &Run) {
        if run.closed_at.is_some() {
            self.runs.remove(&run.key);
        } else {
            self.runs.insert(run.key.clone(), run.clone());
        }
    }

    /// The plan of a run. Before its first wave is frozen there is none, and that needs no question.
    pub fn plan(&self, key: &RunKey) -> Option<Plan> {
        if let Some((known, plan)) = &self.plan
            && known == key
        {
            return Some(plan.clone());
        }
        let run = self.runs.get(key)?;
        (!run.may_have_a_plan()).then(Plan::default)
    }

    /// Keeps a plan in mind instead of the last.
    pub fn keep_plan(&mut self, key: &RunKey, plan: &Plan) {
        self.plan = Some((key.clone(), plan.clone()));
    }

    /// The plan of a run changes: it, and what the run says of it, are to be asked for.
    pub fn forget(&mut self, key: &RunKey) {
        self.runs.remove(key);
        self.plan = None;
    }
}
