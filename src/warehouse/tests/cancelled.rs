//! Questions that nobody waits for any more: a caller that hung up, a service that stops.
//!
//! What is asked belongs to the tests beside it.

use std::time::Duration;

use futures::FutureExt;

use super::{FEATURES, FRESH, feature, load, names, open, scope};
use crate::ports::Warehouse;

/// Cut off at another place each time: none of them may leave a connection in the past.
const CUTS: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_is_cut_off_leaves_no_connection_in_the_past() {
    let (_directory, warehouse) = open().await;
    let (scope, mut units) = (scope(), 0);
    for cut in 0..CUTS {
        let mut asking = warehouse.readiness(&scope);
        for _ in 0..=cut % 3 {
            if asking.as_mut().now_or_never().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_micros(5 * cut));
        }
        drop(asking);
        let unit = feature(&format!("p{cut:03}"), true.into(), FRESH);
        load(&warehouse, FEATURES, &[unit]).await;
        units += 1;
        assert_eq!(names(&warehouse, 1_000).await.len(), units, "cut {cut}");
    }
}
