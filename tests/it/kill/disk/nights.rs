//! Several nights at the same time: each waits more than it works.
//!
//! What happens in a night belongs to the tests.

use std::sync::Arc;

use tokio::{
    runtime::{Builder, Runtime},
    sync::Semaphore,
    task::JoinSet,
};

/// Nights at the same time on two cores.
pub const AT_ONCE: usize = 6;

/// A night's own, which ends with it and takes its servers and their open files along.
fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let built = builder.worker_threads(2).enable_all().build();
    built.unwrap()
}

/// Plays every one of these nights, so many at the same time, and gives back what came of them. Fails in the end, with
/// the numbers of the nights that failed.
pub async fn all<F, T>(
    numbers: impl Iterator<Item = u64>,
    at_once: usize,
    night: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let room = Arc::new(Semaphore::new(at_once));
    let mut playing = JoinSet::new();
    for number in numbers {
        let (room, night) = (room.clone(), night.clone());
        playing.spawn(async move {
            let _place = room.acquire_owned().await.unwrap();
            let alone = move || runtime().block_on(night(number));
            (number, tokio::task::spawn_blocking(alone).await)
        });
    }
    let (mut came, mut failed) = (Vec::new(), Vec::new());
    while let Some(played) = playing.join_next().await {
        match played.unwrap() {
            (_, Ok(of_it)) => came.push(of_it),
            (number, Err(_)) => {
                println!("night {number} FAILED");
                failed.push(number);
            }
        }
    }
    failed.sort_unstable();
    assert!(failed.is_empty(), "nights that failed: {failed:?}");
    came
}
