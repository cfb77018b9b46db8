//! The program as a child process: started, killed, and its log kept.
//!
//! What is in its files belongs to `sight`.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(30);
const LISTENING: &str = "tipoff is listening on ";

/// Everything the program wrote, over all its lives.
pub type Log = Arc<Mutex<Vec<String>>>;

/// A running program. Dropping it kills it.
pub struct Service {
    child: Child,
    pub url: String,
}

/// The program, to be run on the files of this folder.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tipoff"));
    command
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// `serve` on the files of this folder.
pub fn serve(folder: &Path) -> Command {
    serve_in(folder, Path::new("data"))
}

/// `serve` on the configuration of this folder, with its own files in another.
pub fn serve_in(folder: &Path, data: &Path) -> Command {
    let mut command = program(folder);
    command.args(["serve", "--config", "tipoff.toml", "--data"]);
    command.arg(data);
    command
}

impl Service {
    /// Starts the program and returns once it listens.
    pub fn start(folder: &Path, log: &Log) -> Self {
        Self::spawn(serve(folder), log)
            .unwrap_or_else(|| panic!("it never listened: {:#?}", log.lock().unwrap()))
    }

    /// Runs this command and returns once it listens; `None`: it ended before.
    pub fn spawn(mut command: Command, log: &Log) -> Option<Self> {
        let mut child = command.spawn().unwrap();
        let (says, said) = mpsc::channel();
        keep(child.stdout.take().unwrap(), log.clone(), Some(says));
        keep(child.stderr.take().unwrap(), log.clone(), None);
        match said.recv_timeout(START_MAX) {
            Ok(url) => Some(Self { child, url }),
            Err(RecvTimeoutError::Disconnected) => {
                child.wait().unwrap();
                None
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("it neither listened nor ended: {:#?}", log.lock().unwrap());
            }
        }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills it where it stands: SIGKILL, which no program can hear.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps what the program writes, so that its pipe is never full, and says where it listens.
fn keep(pipe: impl Read + Send + 'static, log: Log, says: Option<mpsc::Sender<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if let (Some(url), Some(says)) = (line.strip_prefix(LISTENING), &says) {
                // A test that has given up no longer listens.
                let _ = says.send(url.to_owned());
            }
            log.lock().unwrap().push(line);
        }
    });
}
