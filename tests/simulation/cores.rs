//! A night and the thread of its store, which wait for each other all the time, on one core: a thread woken on another
//! core begins ten times as late.
//!
//! How many nights are played at a time belongs to main.rs.

/// The cores that this process may use, each by its number; empty where that cannot be said.
pub fn usable() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let usable = sched_getaffinity(None).unwrap_or_default();
        (0..CpuSet::MAX_CPU)
            .filter(|core| usable.is_set(*core))
            .collect()
    }
    #[cfg(not(target_os = "linux"))]
    Vec::new()
}

/// Keeps this thread, and every one it begins, on one core. Where that cannot be done, it runs anywhere.
pub fn stay_on(core: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut only = CpuSet::new();
        only.set(core);
        let _ = sched_setaffinity(None, &only);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}
