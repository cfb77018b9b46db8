//! A night that `tipoff demo --live` plays, as a process with a folder and a port of its own.
//!
//! What goes wrong in it belongs to the demo, what it sets off to the tests.

use std::{fs, path::Path, time::Duration};

use super::servers::LOOK;
use crate::processes::{Process, free_port};

/// How long a night's history may take to be played, on a machine that has other things to do.
const HISTORY_MAX: Duration = Duration::from_secs(240);
/// What the demo says when its history is over.
const LIVE: &str = "From here on it is live";

/// A night being played; dropping it ends it.
pub struct Night {
    /// Its port of loopback.
    pub port: u16,
    log: std::path::PathBuf,
    process: Process,
}

impl Night {
    /// Begins to play; `arguments` say which night, and how it differs.
    pub fn begin(folder: &Path, name: &str, arguments: &[String]) -> Self {
        let port = free_port();
        let data = folder.join(name);
        let own = [
            "demo".to_owned(),
            "--live".to_owned(),
            "--port".to_owned(),
            port.to_string(),
            "--data".to_owned(),
            data.display().to_string(),
        ];
        let log = folder.join(format!("{name}.log"));
        let process = Process::start(
            env!("CARGO_BIN_EXE_tipoff"),
            own.iter().chain(arguments),
            &log,
        );
        Self { port, log, process }
    }

    /// Returns once its history is over and it plays at the real clock's speed.
    pub async fn until_live(&mut self) {
        let live = async {
            while !self.said().contains(LIVE) {
                assert!(self.process.is_running(), "it ended: {}", self.said());
                tokio::time::sleep(LOOK).await;
            }
        };
        let live = tokio::time::timeout(HISTORY_MAX, live).await;
        assert!(live.is_ok(), "still history: {}", self.said());
    }

    /// Ends its process at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// All it printed so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}
