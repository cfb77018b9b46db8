//! What a sync is worth: without one nothing survives, and what one did not make durable is never built upon.
//!
//! Kills on a disk that does what it says are in `sweep`.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    lives::{End, Lives, plan},
    nights::{self, AT_ONCE},
    shim::{Errno, Fault, Kill, Kind, Power},
};
use crate::tried;

const SEED: u64 = 20_261_129;
/// Nights, and how far the syncs that fail in them lie apart: from the first of the store's own on.
const NIGHTS: u64 = 12;
const SYNCS_APART: u64 = 4;
/// Operations after which the power goes out in the next life: enough for it to acknowledge something.
const NEXT_LIFE: std::ops::Range<u64> = 60..400;

/// The defence `fsync` switched off: what was acknowledged does not survive the first power cut, and the proof says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_missing_sync_is_found() {
    assert!(is_survived(false).await, "an honest disk");
    assert!(!is_survived(true).await, "a disk that lies");
}

async fn is_survived(lies: bool) -> bool {
    let night = tokio::spawn(async move {
        let mut lives = Lives::prepare(plan()).await;
        if lies {
            lives.disk.lie();
            lives.patience = Duration::from_secs(8);
        }
        lives.disk.kill_at(&Kill {
            kinds: vec![Kind::Answer],
            at: 9,
            after: true,
            power: Power::Cut,
            seed: 0,
        });
        assert_eq!(lives.live().await, End::Died);
        lives.live_on().await;
        lives.prove().await;
    });
    night.await.is_ok()
}

/// A sync fails, and the process is killed before it can do anything about it. What it wrote is there for whoever reads
/// the file, and never reaches the disk: Linux forgets what it could not write. The next life reads it, and the power
/// goes out.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_a_failed_sync_left_behind_is_never_built_upon() {
    let dropped = nights::all(1..NIGHTS + 1, AT_ONCE, failed_sync_then_power_cut).await;
    let cuts = dropped.iter().filter(|cut| **cut).count();
    assert!(cuts >= 6, "{cuts} power cuts after a failed sync");
    tried::record(
        "failed syncs",
        &format!("{NIGHTS} nights killed at a sync that failed, {cuts} then cut off the power"),
        "nothing acknowledged is lost",
    );
}

async fn failed_sync_then_power_cut(number: u64) -> bool {
    let mut random = StdRng::seed_from_u64(SEED + number);
    let mut lives = Lives::prepare(plan()).await;
    let at = number * SYNCS_APART;
    let kinds = vec![Kind::Sync];
    lives.disk.fail_at(&Fault {
        kinds: kinds.clone(),
        at,
        errno: Errno::Broken,
        lasting: false,
    });
    lives.disk.kill_at(&Kill {
        kinds,
        at,
        after: true,
        power: Power::Stays,
        seed: 0,
    });
    assert_eq!(lives.live().await, End::Died, "night {number}");
    assert_eq!(lives.disk.failed(), 1);
    lives.disk.kill_at(&Kill {
        kinds: Kind::ALL.to_vec(),
        at: random.random_range(NEXT_LIFE),
        after: random.random(),
        power: Power::Cut,
        seed: 0,
    });
    let was_cut = lives.live().await == End::Died;
    lives.disk.spare();
    if was_cut {
        lives.live_on().await;
    }
    lives.prove().await;
    was_cut
}
