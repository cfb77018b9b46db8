//! What a test tried, and what it found, for the table that `./test` prints at its end.
//!
//! What is true and what is not belongs to the assertions of each test.

use std::{io::Write, path::PathBuf};

/// The folder that `./test` names; elsewhere it is only printed.
const FOLDER: &str = "TIPOFF_TRIED";

/// Keeps one row of the table: call it once the test has proved what it says.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own variable, which ./test sets"
)]
pub fn record(name: &str, tried: &str, found: &str) {
    println!("{name}: tried {tried}; found {found}");
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("rows.tsv"));
    let mut file = file.expect("the folder of TIPOFF_TRIED exists");
    // One write: tests of many processes add to it.
    file.write_all(format!("{name}\t{tried}\t{found}\n").as_bytes())
        .expect("a row is kept");
}
