//! What the Dockerfile puts into its image is enough to run the service, and the service runs there as nobody special.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A process in the image's folder alone, as the image's user.
fn inside(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("chroot");
    command
        .arg("--userspec=10001:10001")
        .arg(root)
        .arg("/tipoff")
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TIPOFF_CONFIG", "/etc/tipoff.toml")
        .env("TIPOFF_DATA", "/data");
    command
}

/// Ends the process with the test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_images_folder_alone_runs_the_service_as_a_user_without_rights() {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root {
        eprintln!("!!! SKIPPED: only root can go into another root folder");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("image");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/image-root");
    let made = Command::new(script)
        .arg(env!("CARGO_BIN_EXE_tipoff"))
        .arg(&root)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    // A temporary folder is closed to other users.
    fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let port = free_port();
    let config = format!("[listen]\nport = {port}\n");
    fs::write(root.join("etc/tipoff.toml"), config).unwrap();
    let dead = inside(&root, &["health"]).output().unwrap();
    assert_eq!(dead.status.code(), Some(1), "{dead:?}");
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let served = inside(&root, &["serve"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let _guard = Guard(served);
    let until = Instant::now() + Duration::from_secs(60);
    while !inside(&root, &["health"])
        .output()
        .unwrap()
        .status
        .success()
    {
        let log = || fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(Instant::now() < until, "it never answered: {}", log());
    }
    let written: Vec<_> = fs::read_dir(root.join("data")).unwrap().collect();
    assert!(!written.is_empty(), "its state is in /data");
    assert_eq!(
        fs::read_dir(root.join("tmp")).unwrap().count(),
        0,
        "nothing is written elsewhere"
    );
}
