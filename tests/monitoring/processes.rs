//! Other people's programs, run for one test: each on loopback, in a folder of its own, ended with the test.
//!
//! What they are asked belongs to the tests.

use std::{
    ffi::OsStr,
    fs::File,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// A running program; dropping it ends it.
pub struct Process(Child);

impl Process {
    /// Starts a program whose output goes to `log`; its standard input stays open.
    pub fn start(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> Self {
        let file = File::create(log).unwrap();
        let child = Command::new(program.as_ref())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn();
        Self(child.unwrap_or_else(|error| {
            panic!(
                "{}: {error}; ./test installs it",
                program.as_ref().display()
            )
        }))
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|ended| ended.is_none())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; ./test installs it"))
}

/// A port of loopback that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
