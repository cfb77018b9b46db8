//! One question to the project: tried twice where another try may help, and never taken for answered when it was not.
//!
//! What an answer means belongs to each check.

use std::{future::Future, time::Duration};

use serde_json::Value;

use crate::{
    config::Google,
    google::{Call, Endpoint, GoogleClient, GoogleError, Kind},
};

/// How long one try may take, its token included; two tries fit into a check's limit.
const TRY_SECONDS_MAX: u64 = 5;
/// Between a failed try and the next.
const PAUSE: Duration = Duration::from_millis(200);

/// The project, and the way to it.
#[derive(Clone)]
pub struct Project {
    /// What is said of it.
    pub google: Google,
    /// Calls with the account's token.
    pub client: GoogleClient,
    /// The same connections without a token.
    pub http: reqwest::Client,
}

/// Why something could not be asked.
pub type Why = String;

impl Project {
    /// `projects/P/topics/NAME`.
    pub fn topic(&self, name: &str) -> String {
        format!("projects/{}/topics/{name}", self.google.project)
    }

    /// `projects/P/subscriptions/NAME`.
    pub fn subscription(&self, name: &str) -> String {
        format!("projects/{}/subscriptions/{name}", self.google.project)
    }

    /// `projects/P/locations/R/jobs/NAME`.
    pub fn job(&self, name: &str) -> String {
        let Google {
            project, region, ..
        } = &self.google;
        format!("projects/{project}/locations/{region}/jobs/{name}")
    }

    /// An object by its whole name; `None`: it is not there. An answer that names another object is none.
    pub async fn object(&self, endpoint: &Endpoint, name: &str) -> Result<Option<Value>, Why> {
        let path = format!("/{name}");
        let doing = format!("asking for {name}");
        match self.get(endpoint, &path, &doing).await {
            Ok(found) if found["name"] == name => Ok(Some(found)),
            Ok(_) => Err(format!("{doing}: the answer is not that object")),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Every element of a listing, page by page.
    pub async fn list(
        &self,
        endpoint: &Endpoint,
        (path, member): (&str, &str),
    ) -> Result<Vec<Value>, Why> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = token.map(|token| format!("{path}{joint}pageToken={}", encoded(&token)));
            let page = page.as_deref().unwrap_or(path);
            let answer = self.get(endpoint, page, &format!("listing {member}")).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let Some(found) = answer.as_object() else {
                return Err(format!("listing {member}: the answer is not a list"));
            };
            match found.get(member) {
                // Proto3's JSON leaves an empty list out.
                None => {}
                Some(Value::Array(elements)) => all.extend(elements.iter().cloned()),
                Some(_) => return Err(format!("listing {member}: the answer is not a list")),
            }
            token = found
                .get("nextPageToken")
                .and_then(Value::as_str)
                .filter(|it| !it.is_empty())
                .map(str::to_owned);
            if token.is_none() {
                return Ok(all);
            }
        }
        Err(format!(
            "listing {member}: it goes on after {PAGES_MAX} pages"
        ))
    }

    /// Which of these permissions the caller has on a resource; `None`: the resource is not there.
    pub async fn permitted(
        &self,
        endpoint: &Endpoint,
        (resource, permissions): (&str, &[&str]),
    ) -> Result<Option<Vec<String>>, Why> {
        let body = serde_json::json!({ "permissions": permissions });
        let path = format!("/{resource}:testIamPermissions");
        let doing = format!("asking what may be done with {resource}");
        let answer = twice(|| async {
            let call = call(&doing);
            self.client.post(call, endpoint, &path, &body).await
        });
        match answer.await {
            Ok(Value::Object(found)) => {
                let given = found.get("permissions").and_then(Value::as_array);
                let given = given.into_iter().flatten().filter_map(Value::as_str);
                Ok(Some(given.map(str::to_owned).collect()))
            }
            Ok(_) => Err(format!("{doing}: the answer is no list of permissions")),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn get(
        &self,
        endpoint: &Endpoint,
        path: &str,
        doing: &str,
    ) -> Result<Value, GoogleError> {
        twice(|| async { self.client.get(call(doing), endpoint, path).await }).await
    }
}

/// Most pages of one listing.
const PAGES_MAX: usize = 20;

fn call(doing: &str) -> Call<'_> {
    Call {
        doing,
        timeout: Duration::from_secs(TRY_SECONDS_MAX),
    }
}

async fn twice<F: Future<Output = Result<Value, GoogleError>>>(
    ask: impl Fn() -> F,
) -> Result<Value, GoogleError> {
    match ask().await {
        Err(error) if error.is_transient() => {
            tokio::time::sleep(PAUSE).await;
            ask().await
        }
        answer => answer,
    }
}

/// Google says that an object is not there in JSON; a page of somebody in between says nothing of it.
fn is_missing(error: &GoogleError) -> bool {
    error.kind == Kind::NotFound && !error.detail.starts_with('<')
}

/// A text as it stands in a query.
pub fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| {
        if safe(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}
