//! The disk under the service: `tests/disk/shim.c`, preloaded into the program, and the file by which it is told what
//! to do and says what it did.
//!
//! What is to be true in spite of it belongs to the tests.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What a program does that is counted, in the order of the shim's own list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A write, a cut or a removal of a store file.
    Write,
    /// A sync of a store file.
    Sync,
    /// A request to the workers or a message to people.
    Request,
    /// A push acknowledged.
    Answer,
    /// A push refused.
    Refusal,
}

impl Kind {
    /// Everything that is done to the store or the world.
    pub const ALL: [Self; 4] = [Self::Write, Self::Sync, Self::Request, Self::Answer];
    /// What is done to the store.
    pub const STORE: [Self; 2] = [Self::Write, Self::Sync];
}

/// What becomes of writes that were not synced when the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// The machine goes on: nothing.
    Stays = 0,
    /// None of them reached the disk.
    Cut = 1,
    /// Some blocks did, as the seed has it.
    CutInPart = 2,
}

/// A kill to come.
#[derive(Debug, Clone)]
pub struct Kill {
    /// What is counted.
    pub kinds: Vec<Kind>,
    /// At the n-th of these, from 1 on.
    pub at: u64,
    /// Just after it, not just before.
    pub after: bool,
    pub power: Power,
    /// For what is chosen.
    pub seed: u64,
}

/// A fault to come: the n-th of these fails.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kinds: Vec<Kind>,
    /// From 1 on.
    pub at: u64,
    pub errno: Errno,
    /// Every one after it fails, too, until the disk is mended.
    pub lasting: bool,
}

/// What the disk says, as Linux numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// EIO: an input/output error.
    Broken = 5,
    /// ENOSPC: no space is left.
    Full = 28,
    /// EROFS: the file system is read-only.
    ReadOnly = 30,
}

/// The words of the control file, in the order of the shim's `struct control`.
#[derive(Clone, Copy)]
enum Word {
    KillKinds,
    KillAt,
    KillAfter,
    Power,
    Seed,
    FailKinds,
    FailAt,
    FailErrno,
    FailLasting,
    Lie,
    KillSeen,
    FailSeen,
    Failed,
    Killed,
    Dropped,
    /// The first of the counts.
    Counts,
}

/// The disk of one night.
pub struct Disk {
    path: PathBuf,
    control: File,
}

impl Disk {
    /// A disk that is well, with its control file in this folder.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("disk-control");
        let mut options = OpenOptions::new();
        let control = options.create_new(true).read(true).write(true).open(&path);
        let disk = Self {
            path,
            control: control.unwrap(),
        };
        disk.set(Word::Counts, 0);
        disk
    }

    /// The same disk, for another hand.
    pub fn share(&self) -> Self {
        Self {
            path: self.path.clone(),
            control: self.control.try_clone().unwrap(),
        }
    }

    /// Has the command run on this disk.
    pub fn under(&self, command: &mut Command) {
        command.env("LD_PRELOAD", library());
        command.env("DISK_CONTROL", &self.path);
    }

    /// Kills the program there, once; counted from now on.
    pub fn kill_at(&self, kill: &Kill) {
        self.set(Word::KillAt, 0);
        self.set(Word::KillSeen, 0);
        self.set(Word::Killed, 0);
        self.set(Word::KillKinds, mask(&kill.kinds));
        self.set(Word::KillAfter, u64::from(kill.after));
        self.set(Word::Power, kill.power as u64);
        self.set(Word::Seed, kill.seed);
        self.set(Word::KillAt, kill.at);
    }

    /// Kills it nowhere.
    pub fn spare(&self) {
        self.set(Word::KillAt, 0);
    }

    /// Fails there; counted from now on.
    pub fn fail_at(&self, fault: &Fault) {
        self.mend();
        self.set(Word::FailSeen, 0);
        self.set(Word::FailErrno, fault.errno as u64);
        self.set(Word::FailLasting, u64::from(fault.lasting));
        self.set(Word::FailKinds, mask(&fault.kinds));
        self.set(Word::FailAt, fault.at);
    }

    /// Fails nowhere from now on.
    pub fn mend(&self) {
        self.set(Word::FailAt, 0);
    }

    /// Syncs succeed from now on and make nothing durable: the defence `fsync` switched off.
    pub fn lie(&self) {
        self.set(Word::Lie, 1);
    }

    /// How much of this kind was done, over all lives.
    pub fn count(&self, kind: Kind) -> u64 {
        self.word(Word::Counts as u64 + kind as u64)
    }

    /// At what the kill that was set has happened; `None`: it has not.
    pub fn killed(&self) -> Option<Kind> {
        let number = usize::try_from(self.word(Word::Killed as u64)).unwrap();
        number.checked_sub(1).map(|number| Kind::ALL[number])
    }

    /// Operations that failed.
    pub fn failed(&self) -> u64 {
        self.word(Word::Failed as u64)
    }

    /// Blocks that power cuts took back.
    pub fn dropped(&self) -> u64 {
        self.word(Word::Dropped as u64)
    }

    fn set(&self, word: Word, value: u64) {
        let at = word as u64 * 8;
        self.control.write_all_at(&value.to_ne_bytes(), at).unwrap();
    }

    fn word(&self, number: u64) -> u64 {
        let mut bytes = [0; 8];
        let at = number * 8;
        // The program lengthens the file when it starts; until then there is nothing.
        match self.control.read_exact_at(&mut bytes, at) {
            Ok(()) => u64::from_ne_bytes(bytes),
            Err(_) => 0,
        }
    }
}

fn mask(kinds: &[Kind]) -> u64 {
    kinds
        .iter()
        .fold(0, |mask, kind| mask | 1 << (*kind as u64))
}

/// The shim, compiled by the C compiler that the project's own build needs.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Tests of other processes compile it, too: each under a name of its own, until it is whole.
        let path = folder.join(format!("disk-shim-{}.so", std::process::id()));
        let whole = folder.join("disk-shim.so");
        let compiled = Command::new("cc")
            .args([
                "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O2", "-o",
            ])
            .args([&path, &source])
            .output()
            .expect("a C compiler");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        std::fs::rename(path, &whole).unwrap();
        whole
    })
}
