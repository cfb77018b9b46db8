//! The program as a child process: started, and what it costs the machine.
//!
//! What is in its files belongs to `night`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::load::Connection;

const LISTENING: &str = "tipoff is listening on ";
/// The kernel's clock ticks a second, as `getconf CLK_TCK` says on every Linux we know.
const TICKS: f64 = 100.0;

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    /// Where it listens, without the scheme.
    pub address: String,
    /// From its start until `/ready` said that it is.
    pub ready_in: Duration,
}

impl Program {
    /// Starts it on the files of this folder and returns once it is ready.
    pub async fn start(folder: &Path) -> Self {
        let since = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tipoff"))
            .args(["serve", "--config", "tipoff.toml", "--data", "data"])
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(LISTENING).map(str::to_owned));
        // Its log must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let url = url.expect("it never listened");
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        // It panics where the answer is not 2xx.
        Connection::open(address).await.get("/ready").await;
        Self {
            child,
            address: address.to_owned(),
            ready_in: since.elapsed(),
        }
    }

    /// Processor time it has used so far.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }

    /// The most memory it has held so far, in MiB.
    pub fn memory_mib(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("its status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kib.expect("its peak") / 1024.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process, `self` for this one: fields 14 and 15 of its `stat`.
pub fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("its figures");
    let (_, after_name) = stat.rsplit_once(')').expect("a name");
    let ticks = |field: &str| field.parse::<f64>().expect("a number");
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.map(ticks).sum::<f64>() / TICKS
}
