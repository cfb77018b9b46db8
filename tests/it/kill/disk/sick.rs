//! A disk on which one write or sync fails, each in turn: the service answers honestly, tries again, and the night is
//! what it would have been.
//!
//! A disk that stays sick is in `full`.

use std::time::Duration;

use super::{
    lives::{End, Lives, plan},
    nights::{self, AT_ONCE},
    shim::{Errno, Fault, Kind},
};
use crate::tried;

/// How far the numbers of the normal run lie apart.
const STEP: u64 = 4;
/// More than a night takes, even where something is waited for.
const PATIENCE: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_fourth_write_or_sync_fails_once_and_the_night_is_whole() {
    fail_and_prove(Errno::Broken, STEP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
#[ignore = "takes minutes"]
async fn any_write_or_sync_fails_once_and_the_night_is_whole() {
    fail_and_prove(Errno::Broken, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
#[ignore = "takes minutes"]
async fn for_any_write_or_sync_the_disk_is_full_once_and_the_night_is_whole() {
    fail_and_prove(Errno::Full, 1).await;
}

/// What came of one fault.
struct Came {
    /// It happened: the night was long enough.
    failed: bool,
    /// Pushes that were refused.
    refused: u64,
    /// Times the service did not come up, or ended.
    deaths: u64,
}

async fn fail_and_prove(errno: Errno, step: u64) {
    let operations = operations().await;
    println!("a night has {operations} writes and syncs");
    let numbers = (1..=operations).filter(move |it| it.is_multiple_of(step) || *it == operations);
    let came = nights::all(numbers, AT_ONCE, move |number| night(number, errno)).await;
    let failed = came.iter().filter(|it| it.failed).count();
    let refused: u64 = came.iter().map(|it| it.refused).sum();
    let deaths: u64 = came.iter().map(|it| it.deaths).sum();
    let found = format!(
        "{failed} nights hit, every one whole; {refused} pushes refused and sent again, {deaths} starts that failed"
    );
    assert!(failed * 5 >= came.len() * 4, "{found}");
    assert!(refused > 0 && deaths > 0, "{found}");
    let tried = format!(
        "{} of {operations} writes and syncs of a night, {errno:?} once",
        came.len()
    );
    tried::record("a sick disk", &tried, &found);
}

/// How many a night has from nothing to its end.
async fn operations() -> u64 {
    let mut lives = Lives::prepare(plan()).await;
    assert_eq!(lives.live().await, End::Over);
    Kind::STORE.map(|kind| lives.disk.count(kind)).iter().sum()
}

async fn night(number: u64, errno: Errno) -> Came {
    let mut lives = Lives::prepare(plan()).await;
    lives.patience = PATIENCE;
    lives.disk.fail_at(&Fault {
        kinds: Kind::STORE.to_vec(),
        at: number,
        errno,
        lasting: false,
    });
    lives.live_on().await;
    lives.prove().await;
    Came {
        failed: lives.disk.failed() > 0,
        refused: lives.disk.count(Kind::Refusal),
        deaths: lives.night.kills,
    }
}
