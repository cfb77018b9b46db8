//! What the service gives to Prometheus, as Prometheus' own checker judges it.
//!
//! Names, labels and values are tested beside `src/telemetry`.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use tipoff::{
    domain::ids::{ChannelId, HandoffId},
    telemetry::{Metrics, expose, labels::Sets},
};

#[test]
fn the_checker_finds_nothing_wrong_with_the_metrics() {
    let text = expose(&Metrics::of(&Sets {
        handoffs: vec![HandoffId::new("phase4-to-phase5")],
        unit_reasons: vec!["no_prop_lines".to_owned()],
        channels: vec![ChannelId::new("slack")],
    }));
    assert!(text.contains("\ntipoff_build_info{"));
    assert_eq!(complaints(&text), "");
    // The checker does look: a counter may not be called like a gauge.
    assert_ne!(complaints("# HELP a A.\n# TYPE a counter\na 1\n"), "");
}

fn complaints(text: &str) -> String {
    let mut checker = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs; ./test installs it");
    let mut input = checker.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = checker.wait_with_output().unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
