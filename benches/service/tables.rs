//! What stands in the tables of a night, and the configuration of the service that reads them.
//!
//! What happens in the night belongs to `night`.

use tipoff::{
    clock::{Clock, SystemClock},
    domain::ids::{GameDate, GameId},
    warehouse::{ContextRow, EmbeddedWarehouse},
};

use super::rows;

/// Games of a night.
const GAMES: usize = 12;
/// Units written in one commit.
const CHUNK: usize = 50_000;

/// The name of the shipped handoff, and of further ones like it on the same tables.
pub fn handoff(number: usize) -> String {
    match number {
        0 => "phase4-to-phase5".to_owned(),
        _ => format!("handoff-{number}"),
    }
}

/// The configuration: so many handoffs like the shipped one past noon, whose upstream usually finishes at one, so that no
/// alarm is open when it does, and of which no night is too small; with no pace, and so many requests to a call.
pub fn config(zone: &str, sink: &str, (handoffs, batch): (usize, usize)) -> String {
    let head = "[listen]\nport = 0\n[doctor]\nenabled = false\n".to_owned();
    let all = (0..handoffs).map(|number| one_handoff(number, zone, (sink, batch)));
    head + &all.collect::<String>()
}

fn one_handoff(number: usize, zone: &str, (sink, batch): (&str, usize)) -> String {
    let id = handoff(number);
    format!(
        r#"
[[handoffs]]
id = "{id}"
upstream_topic = "{id}-upstream"
completion_topic = "{id}-answers"
calendar_zone = "{zone}"
season = "none"
sink = {{ http = {{ url = "{sink}", batch = {batch} }} }}
[handoffs.upstream]
usual_finish = "13:00 {zone}"
[handoffs.alerts]
slate_small_share = 0.0
[handoffs.schedule]
zone = "{zone}"
deadline = "23:00"
backup = "22:00"
retries = ["22:15", "22:30"]
[handoffs.pace]
start_per_second = 1000000.0
full_per_second = 1000000.0
in_flight_max = 2000000
"#
    )
}

fn context(number: usize, game_date: GameDate) -> ContextRow {
    ContextRow {
        game_id: GameId::new(format!("game{}", number % GAMES)),
        ..rows::context(&format!("player{number:07}"), game_date)
    }
}

/// Fills the tables with so many ready units, and says that the upstream has finished.
pub async fn fill(warehouse: &EmbeddedWarehouse, units: usize, game_date: GameDate) {
    for first in (0..units).step_by(CHUNK) {
        let numbers = first..units.min(first + CHUNK);
        let contexts: Vec<_> = numbers.map(|it| context(it, game_date)).collect();
        let now = SystemClock.now();
        let features: Vec<_> = contexts.iter().map(|it| rows::feature(it, now)).collect();
        warehouse.put_contexts(&contexts).await.expect("contexts");
        warehouse.put_features(&features).await.expect("features");
    }
    let run = rows::upstream_run(game_date, SystemClock.now());
    warehouse.put_run_history(&[run]).await.expect("its run");
}
