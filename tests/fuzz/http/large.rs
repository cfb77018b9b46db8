//! Bodies larger than anything that is read as a message, and what is kept of them.
//!
//! Smaller ones belong to `attack`.

use sha2::{Digest, Sha256};

use super::{
    beside::Beside,
    call::{self, End},
    runtime,
};
use crate::tried;

/// Most bytes of a push that are read as a message.
const PUSH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much of a larger one is kept.
const HEAD_BYTES: usize = 64 * 1024;
/// Most bytes of a person's call.
const PEOPLE_BYTES_MAX: usize = 1024 * 1024;

fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| b'a' + (at % 23) as u8).collect()
}

/// Sends it in chunks, without saying before how large it is.
async fn chunked(world: &Beside, path: &str, body: &[u8]) -> Option<call::Answer> {
    let mut sent = Vec::new();
    for chunk in body.chunks(1_000_000) {
        sent.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        sent.extend_from_slice(chunk);
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b"0\r\n\r\n");
    let headers = [
        ("host".to_owned(), world.address.clone().into_bytes()),
        ("transfer-encoding".to_owned(), b"chunked".to_vec()),
        ("content-type".to_owned(), b"video/mp4".to_vec()),
    ];
    let bytes = call::request(&format!("POST {path}"), &headers, &sent);
    call::send(&world.address, &bytes, End::Wait).await
}

/// A push of so many bytes is acknowledged, and its head and its hash are kept.
async fn push(world: &Beside, path: &str, bytes: usize) {
    let body = body(bytes);
    let whole = bytes <= PUSH_BYTES_MAX;
    let sent = async {
        match whole {
            true => call::post(&world.address, path, &body).await,
            false => chunked(world, path, &body).await,
        }
    };
    let (answer, good) = tokio::join!(sent, world.completion());
    good.expect("the good message beside it");
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{path} {bytes}: {answer:?}");
    let hash = format!("{:x}", Sha256::digest(&body));
    let (counted, kept) = world.quarantined(&hash).await.expect("it is kept");
    assert_eq!(counted, bytes, "{path}");
    let kept_max = if whole { bytes } else { HEAD_BYTES };
    assert_eq!(kept.len(), kept_max, "{path} {bytes}");
    assert_eq!(kept, body[..kept_max], "{path} {bytes}");
}

#[test]
fn large_bodies_are_quarantined_by_head_and_hash_or_refused_by_name() {
    runtime().block_on(async {
        let world = Beside::start(100).await;
        let mut bodies = 0;
        for path in ["/complete", "/trigger"] {
            for bytes in [PUSH_BYTES_MAX, PUSH_BYTES_MAX + 1, PUSH_BYTES_MAX + 4_000_000] {
                push(&world, path, bytes).await;
                bodies += 1;
            }
        }
        let body = body(PEOPLE_BYTES_MAX + 1);
        for path in ["/start", "/unpublished", "/alerts/silence"] {
            let (answer, good) =
                tokio::join!(chunked(&world, path, &body), world.completion());
            good.expect("the good message beside it");
            let answer = answer.expect("an answer");
            assert_eq!(answer.status, 400, "{path}: {answer:?}");
            assert!(answer.body.contains("too_large"), "{answer:?}");
            bodies += 1;
        }
        let good = world.finish().await;
        tried::record(
            "large bodies",
            &format!("{bodies} bodies of 1 to 20 MB, {good} good messages beside them"),
            "pushes acknowledged, head and hash in quarantine; calls refused by name; each good message counted once",
        );
    });
}
