//! What goes wrong at any path of the stand-in: a status, a delay, a cut connection.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Response, StatusCode},
    middleware::Next,
    response::IntoResponse,
};

/// One thing that goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status with this body, instead of an answer.
    Status(u16, String),
    /// 429, asking to be left alone for so many seconds.
    Busy(u64),
    /// The true answer, so much later.
    Slow(Duration),
    /// The connection breaks off inside the answer's body; what was asked is done.
    CutAfter,
    /// The connection breaks off and nothing is done.
    CutBefore,
}

/// Faults by path; each is used up after so many calls.
#[derive(Default)]
pub struct Faults(Mutex<Vec<(String, usize, Fault)>>);

impl Faults {
    /// Lets the next `times` calls whose method and path contain this text, such as `POST /v1/projects`, go wrong.
    pub fn add(&self, containing: &str, times: usize, fault: Fault) {
        self.0
            .lock()
            .unwrap()
            .push((containing.to_owned(), times, fault));
    }

    /// Everything works again.
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    fn take(&self, call: &str) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap();
        let found = faults
            .iter_mut()
            .find(|(text, left, _)| *left > 0 && call.contains(text.as_str()))?;
        found.1 -= 1;
        Some(found.2.clone())
    }
}

/// Lets a call through, or not.
pub async fn apply(
    State(faults): State<Arc<Faults>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let call = format!("{} {}", request.method(), request.uri());
    match faults.take(&call) {
        None => next.run(request).await,
        Some(Fault::Status(status, body)) => {
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        }
        Some(Fault::Busy(seconds)) => {
            let header = [("retry-after", seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, header, "{}").into_response()
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            next.run(request).await
        }
        Some(Fault::CutAfter) => {
            next.run(request).await;
            cut()
        }
        Some(Fault::CutBefore) => cut(),
    }
}

/// A body that promises more than it sends.
fn cut() -> Response<Body> {
    let error = || Err::<Bytes, _>(std::io::Error::other("cut"));
    let pieces = futures::stream::iter([Ok(Bytes::from_static(b"{")), error()]);
    Response::new(Body::from_stream(pieces))
}
