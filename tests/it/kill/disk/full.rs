//! A disk that stays sick for a while: full, read-only, or failing at every write. The service refuses what it cannot
//! keep, says that it is not ready, and goes on by itself when the disk is well.
//!
//! A disk that fails once is in `sick`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    super::{
        service::serve_in,
        workers::{let_pass, open},
    },
    lives::{End, Lives, plan},
    nights::{self, AT_ONCE},
    shim::{Errno, Fault, Kind},
};
use crate::tried;

/// Room on the small disk: more than the store takes, and soon filled.
const SIZE: &str = "size=8m";
/// How long a disk stays sick where nothing is waited for.
const SICK: Duration = Duration::from_millis(1_500);
/// The operations at which a disk falls sick: through the night, from an open store on.
const SICK_AT: [u64; 8] = [350, 470, 530, 590, 680, 760, 860, 980];

/// A small file system of its own, where this machine lets the test have one.
struct SmallDisk {
    folder: TempDir,
    mounted: bool,
}

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", SIZE, "tipoff-test"], &path);
        if !mounted {
            println!(
                "!!! NO SMALL DISK: mounting a tmpfs needs root; the preloaded disk says that it is full instead"
            );
        }
        Self { folder, mounted }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Writes into a file of its own until nothing more fits.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("filler")).unwrap();
        for size in [65_536, 4_096, 1] {
            let bytes = vec![1; size];
            while file.write_all(&bytes).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }

    fn remount(&self, how: &str) {
        assert!(mount(&["-o", how], &self.path()), "remounted {how}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.mounted {
            let unmounted = Command::new("umount").arg(self.path()).status();
            // What a test left open must not keep the folder.
            if !unmounted.is_ok_and(|it| it.success()) {
                let _ = Command::new("umount").arg("-l").arg(self.path()).status();
            }
        }
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let mut command = Command::new("mount");
    let mounted = command
        .args(arguments)
        .arg(path)
        .stderr(Stdio::null())
        .status();
    mounted.is_ok_and(|it| it.success())
}

/// A night whose store is on this disk. The tables are not: they are the warehouse's.
async fn night_on(disk: &SmallDisk) -> Lives {
    let mut lives = Lives::prepare(plan()).await;
    let tables = lives.night.data.join("warehouse");
    std::os::unix::fs::symlink(tables, disk.path().join("warehouse")).unwrap();
    lives.night.data = disk.path();
    lives
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_full_disk_refuses_and_loses_nothing_and_goes_on_once_there_is_room() {
    let disk = SmallDisk::mount();
    let mut lives = night_on(&disk).await;
    let_pass(&lives.night.workers.gates.first, 5);
    assert!(lives.start());
    lives
        .see("five answered", async |it| it.disk.count(Kind::Answer) >= 6)
        .await;
    assert_eq!(lives.ready().await, 200);
    if disk.mounted {
        disk.fill();
    } else {
        lives.disk.fail_at(&lasting(Errno::Full, 1));
    }
    open(&lives.night.workers.gates.first);
    lives
        .see("refused", async |it| it.disk.count(Kind::Refusal) >= 10)
        .await;
    assert_eq!(lives.ready().await, 503, "it cannot keep anything");
    let refused = lives.disk.count(Kind::Refusal);
    if disk.mounted {
        disk.make_room();
    } else {
        lives.disk.mend();
    }
    lives
        .see("ready again", async |it| it.ready().await == 200)
        .await;
    assert_eq!(lives.see_end().await, End::Over);
    lives.night.faults = refused;
    lives.prove().await;
    assert_eq!(lives.night.kills, 0, "without a restart");
    let on = if disk.mounted {
        "a tmpfs of 8 MiB"
    } else {
        "the preloaded disk, no mount here"
    };
    tried::record(
        "a full disk",
        &format!("one night, filled in the middle, on {on}"),
        &format!(
            "{refused} pushes refused and sent again, not ready meanwhile, whole without a restart"
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn on_a_read_only_disk_it_does_not_start_and_says_what_to_do() {
    let disk = SmallDisk::mount();
    if !disk.mounted {
        // Root may write into any folder that says it is read-only, others may not: without a mount it is one of the two.
        println!("!!! NOT TRIED: a read-only file system needs root");
        return;
    }
    let mut lives = night_on(&disk).await;
    disk.remount("remount,ro");
    let mut command = serve_in(lives.night.folder.path(), &lives.night.data);
    let refused = tokio::task::spawn_blocking(move || command.output().unwrap());
    let refused = refused.await.unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    for word in [
        "state.sqlite.lock",
        "Read-only file system",
        "writable",
        "--data",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    disk.remount("remount,rw");
    lives.live_on().await;
    lives.prove().await;
}

fn lasting(errno: Errno, at: u64) -> Fault {
    Fault {
        kinds: Kind::STORE.to_vec(),
        at,
        errno,
        lasting: true,
    }
}

/// From one operation on every write and sync fails, as on a file system that an error has made read-only; after a
/// while the disk is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_disk_that_stays_sick_stops_the_night_and_no_more_than_that() {
    let errors = [Errno::Full, Errno::ReadOnly, Errno::Broken];
    let count = SICK_AT.len() as u64;
    let came = nights::all(0..count * 3, AT_ONCE, move |number| {
        let errno = errors[usize::try_from(number / count).unwrap()];
        sick_from(SICK_AT[usize::try_from(number % count).unwrap()], errno)
    });
    let came = came.await;
    let (refused, not_ready): (u64, u64) = came
        .iter()
        .fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + u64::from(it.1)));
    let found = format!(
        "every one whole; {refused} pushes refused, {not_ready} times not ready, ready in the end"
    );
    assert!(refused > 0 && not_ready > 0, "{found}");
    let tried = format!(
        "{} nights on a disk that is full, read-only or broken for 1.5 s",
        came.len()
    );
    tried::record("a disk that stays sick", &tried, &found);
}

/// Says how many pushes were refused, and whether it was not ready meanwhile.
async fn sick_from(at: u64, errno: Errno) -> (u64, bool) {
    let mut lives = Lives::prepare(plan()).await;
    lives.disk.fail_at(&lasting(errno, at));
    let disk = lives.disk.share();
    let mended = tokio::spawn(async move {
        while disk.failed() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(SICK).await;
        disk.mend();
    });
    let mut not_ready = false;
    while !mended.is_finished() {
        if lives.night.pubsub.url().is_empty() && !lives.start() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        not_ready |= lives.ready().await == 503;
        lives.night.has_ended();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if lives.night.pubsub.url().is_empty() || lives.see_end().await == End::Died {
        lives.live_on().await;
    }
    assert_eq!(lives.ready().await, 200);
    lives.prove().await;
    (lives.disk.count(Kind::Refusal), not_ready)
}
