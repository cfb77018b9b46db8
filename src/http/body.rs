//! Reads a request's body, whatever its content type says, up to a limit.
//!
//! What the bytes say belongs to `wire`; what becomes of those that are too many is said by the caller.

use axum::{body::Body, extract::Request, http::StatusCode};
use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::problem::problem;
use crate::wire::people::Problem;

/// Most bytes of a push that are read as a message; Pub/Sub itself allows 10 MB.
pub const PUSH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most bytes that a person's call may have.
const PEOPLE_BYTES_MAX: usize = 1024 * 1024;
/// How much of a body that is too large is kept.
const HEAD_BYTES: usize = 64 * 1024;
/// Where reading a body that is too large ends, so that an endless one ends, too.
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A body as it was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// All of it.
    Whole(Vec<u8>),
    /// More than is read as a message.
    TooLarge(Head),
}

/// What is kept of a body that is too large.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// How many bytes came.
    pub total: u64,
    /// SHA-256 of all that came, in hexadecimal.
    pub sha256: String,
    /// Whether all of it was read; else it went on.
    pub ended: bool,
}

/// Reads a body of at most `bytes_max` bytes; of a larger one the head and the hash.
///
/// # Errors
///
/// When the sender breaks off: it knows that the message did not arrive.
pub async fn receive(body: Body, bytes_max: usize) -> Result<Received, Problem> {
    let mut chunks = body.into_data_stream();
    let mut kept = Vec::new();
    let mut hash: Option<Sha256> = None;
    let mut total = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
        total += chunk.len() as u64;
        match &mut hash {
            Some(hash) => hash.update(&chunk),
            None => kept.extend_from_slice(&chunk),
        }
        if hash.is_none() && kept.len() > bytes_max {
            hash = Some(Sha256::new_with_prefix(&kept));
            kept.truncate(HEAD_BYTES);
            kept.shrink_to_fit();
        }
        if total > READ_BYTES_MAX {
            return Ok(too_large(kept, total, hash, false));
        }
    }
    match hash {
        None => Ok(Received::Whole(kept)),
        hash => Ok(too_large(kept, total, hash, true)),
    }
}

/// Reads the body of a person's call.
///
/// # Errors
///
/// When it is too large, or the sender breaks off.
pub async fn read(request: Request) -> Result<Vec<u8>, Problem> {
    match receive(request.into_body(), PEOPLE_BYTES_MAX).await? {
        Received::Whole(bytes) => Ok(bytes),
        Received::TooLarge(_) => {
            let detail = format!("the body has more than {PEOPLE_BYTES_MAX} bytes; say less");
            Err(problem(StatusCode::BAD_REQUEST, "too_large", detail))
        }
    }
}

/// The id of bytes that say nothing else of themselves.
pub fn hash_id(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

impl Head {
    /// What is wrong with it.
    pub fn reason(&self) -> String {
        let more = if self.ended { "" } else { "more than " };
        format!(
            "the body has {more}{} bytes, at most {PUSH_BYTES_MAX} are read; its first {} are kept",
            self.total,
            self.bytes.len()
        )
    }
}

fn too_large(bytes: Vec<u8>, total: u64, hash: Option<Sha256>, ended: bool) -> Received {
    let sha256 = format!("{:x}", hash.unwrap_or_default().finalize());
    Received::TooLarge(Head {
        bytes,
        total,
        sha256,
        ended,
    })
}

fn broken_off() -> Problem {
    let detail = "the body broke off; send it again";
    problem(StatusCode::SERVICE_UNAVAILABLE, "broken_off", detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::{HEAD_BYTES, Received, hash_id, receive};

    #[tokio::test]
    async fn the_limit_itself_is_whole_and_one_byte_more_is_not() {
        let body = vec![7; HEAD_BYTES + 10];
        let whole = receive(Body::from(body.clone()), body.len()).await.unwrap();
        assert_eq!(whole, Received::Whole(body.clone()));
        let Received::TooLarge(head) = receive(Body::from(body.clone()), body.len() - 1)
            .await
            .unwrap()
        else {
            panic!("one byte too many was taken");
        };
        assert_eq!(head.bytes, body[..HEAD_BYTES]);
        assert_eq!(head.total, body.len() as u64);
        assert_eq!(head.sha256, hash_id(&body));
        assert!(head.ended);
    }

    #[tokio::test]
    async fn the_hash_is_of_all_chunks() {
        let chunks = (0..300u32).map(|n| Ok::<_, std::io::Error>(vec![n as u8; 1_000]));
        let whole: Vec<u8> = (0..300u32).flat_map(|n| vec![n as u8; 1_000]).collect();
        let body = Body::from_stream(futures::stream::iter(chunks));
        let Received::TooLarge(head) = receive(body, 100_000).await.unwrap() else {
            panic!("too much was taken");
        };
        assert_eq!((head.sha256, head.total), (hash_id(&whole), 300_000));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_to_be_sent_again() {
        let broken = futures::stream::iter([
            Ok(vec![1]),
            Err(std::io::Error::other("the sender went away")),
        ]);
        let problem = receive(Body::from_stream(broken), 10).await.unwrap_err();
        assert_eq!(problem.status, 503);
    }
}
