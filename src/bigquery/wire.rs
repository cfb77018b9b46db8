//! The library behind which BigQuery is, made strict: a whole answer or a failure, never less.
//!
//! The library takes an unfinished job, errors beside a 200 and the first of several pages for answers, and has no
//! time limit of its own. What is asked belongs to `texts`.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use async_trait::async_trait;
use gcp_bigquery_client::{
    Client,
    auth::Authenticator,
    client_builder::ClientBuilder,
    error::BQError,
    model::{
        data_format_options::DataFormatOptions,
        get_query_results_parameters::GetQueryResultsParameters, query_parameter::QueryParameter,
        query_parameter_type::QueryParameterType, query_parameter_value::QueryParameterValue,
        query_request::QueryRequest, query_response::QueryResponse, table_row::TableRow,
    },
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    Settings,
    answer::{AnswerRow, Columns, check},
};
use crate::{
    google::{Call, GoogleClient, GoogleError, Kind, Tokens},
    ports::chain,
    warehouse::{instant_text, questions::Parameter},
};

/// The pause between two looks at a job that is not finished; BigQuery itself waits before it says so.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// What is sent as a token where none is wanted: the library always sends one.
const NO_TOKEN: &str = "none";

/// A way to BigQuery. Cloning shares its connections and its token.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

struct Inner {
    settings: Settings,
    client: GoogleClient,
    http: reqwest::Client,
    library: OnceCell<Client>,
}

/// One text with everything that goes with it.
pub struct Statement<'a> {
    /// What is being done: the beginning of every error.
    pub doing: String,
    /// The text's name, a label of its job.
    pub name: &'static str,
    /// The text.
    pub text: String,
    /// In the order of its `?`.
    pub parameters: &'a [Parameter],
    /// The columns its answer has to have; none for a statement that changes rows.
    pub columns: Columns,
}

#[derive(Clone)]
struct Credentials(Option<Tokens>);

#[async_trait]
impl Authenticator for Credentials {
    async fn access_token(&self) -> Result<String, BQError> {
        let token = match &self.0 {
            // From the cache: `ask` has just had it fetched, where a failure keeps its kind.
            Some(tokens) => tokens.token().await.map_err(|_| BQError::NoToken)?,
            None => None,
        };
        Ok(token.unwrap_or_else(|| NO_TOKEN.to_owned()))
    }
}

impl Wire {
    /// Prepares; nothing is sent.
    pub fn new(settings: Settings, client: GoogleClient, http: reqwest::Client) -> Self {
        Self(Arc::new(Inner {
            settings,
            client,
            http,
            library: OnceCell::new(),
        }))
    }

    /// Every row of the answer.
    ///
    /// # Errors
    ///
    /// Whatever is no whole answer, by its kind.
    pub async fn ask(&self, statement: Statement<'_>) -> Result<Vec<AnswerRow>, GoogleError> {
        let timeout = self.0.settings.timeout;
        let asked = tokio::time::timeout(timeout, self.whole(&statement)).await;
        let late = || {
            let said = format!("no whole answer within {timeout:?}");
            GoogleError::new(&statement.doing, Kind::Unreachable, said)
        };
        let answer = asked.map_err(|_| late())?;
        if let Err(error) = &answer
            && matches!(error.kind, Kind::Unauthenticated | Kind::Unreadable)
        {
            // The library loses the status of an answer of another shape, which may have been a 401.
            self.0.client.tokens().forget().await;
        }
        answer
    }

    /// The description of a table, `dataset.table`; `None`: it is not there. Not over the library, which knows not
    /// every type a column can have and would then read nothing.
    ///
    /// # Errors
    ///
    /// Whatever is no whole answer, by its kind.
    pub async fn table(&self, name: &str) -> Result<Option<Value>, GoogleError> {
        let settings = &self.0.settings;
        let doing = format!("asking which columns {name} has");
        let (dataset, table) = name.split_once('.').unwrap_or((name, ""));
        let project = &settings.data_project;
        let path = format!("/projects/{project}/datasets/{dataset}/tables/{table}");
        let call = Call {
            doing: &doing,
            timeout: settings.timeout,
        };
        match self.0.client.get(call, &settings.endpoint, &path).await {
            Ok(table) => Ok(Some(table)),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn whole(&self, statement: &Statement<'_>) -> Result<Vec<AnswerRow>, GoogleError> {
        let doing = &statement.doing;
        let unreadable = |said: String| GoogleError::new(doing, Kind::Unreadable, said);
        let emulator = self.0.settings.endpoint.emulator;
        if !emulator {
            self.0.client.tokens().token().await?;
        }
        let project = &self.0.settings.project;
        let jobs = self.library(doing).await?.job();
        let request = self.request(statement);
        let first = jobs.query(project, request).await;
        let mut page = first.map_err(|error| of_library(doing, error))?;
        let deadline = Moment::now() + self.0.settings.timeout;
        let job = page.job_reference.clone();
        let mut rows: Vec<TableRow> = Vec::new();
        loop {
            refuse_errors(doing, &page)?;
            let complete = page.job_complete == Some(true);
            if complete {
                check(page.schema.as_ref(), statement.columns)
                    .or_else(|said| {
                        if statement.columns.is_empty() {
                            Ok(())
                        } else {
                            Err(said)
                        }
                    })
                    .map_err(unreadable)?;
                rows.append(&mut page.rows.take().unwrap_or_default());
                if page.page_token.as_deref().is_none_or(str::is_empty) {
                    break;
                }
            }
            let id = job.as_ref().and_then(|job| job.job_id.as_deref());
            let Some(id) = id else {
                let what = if complete { "a page" } else { "no answer yet" };
                return Err(unreadable(format!("{what}, and no job to ask for more")));
            };
            if !complete {
                self.wait(doing, deadline).await?;
            }
            let more = GetQueryResultsParameters {
                location: job.as_ref().and_then(|job| job.location.clone()),
                page_token: page.page_token.clone().filter(|_| complete),
                timeout_ms: Some(self.timeout_milliseconds()),
                // The library cannot put format options into an address.
                ..GetQueryResultsParameters::default()
            };
            let answered = jobs.get_query_results(project, id, more).await;
            page = answered.map_err(|error| of_library(doing, error))?.into();
        }
        let total = page.total_rows.and_then(|total| total.parse().ok());
        if total.is_some_and(|total: usize| total != rows.len()) && !statement.columns.is_empty() {
            let (total, came) = (total.unwrap_or_default(), rows.len());
            return Err(unreadable(format!("{came} of {total} rows came")));
        }
        let rows = rows
            .into_iter()
            .map(|row| AnswerRow::of(row, statement.columns));
        if statement.columns.is_empty() {
            return Ok(Vec::new());
        }
        rows.collect::<Result<_, _>>().map_err(unreadable)
    }

    /// Waits before a look at an unfinished job, while there is time for one.
    async fn wait(&self, doing: &str, deadline: Moment) -> Result<(), GoogleError> {
        if Moment::now() + LOOK_AGAIN >= deadline {
            let timeout = self.0.settings.timeout;
            let said = format!("the job had not finished within {timeout:?}");
            return Err(GoogleError::new(doing, Kind::Unavailable, said));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        Ok(())
    }

    async fn library(&self, doing: &str) -> Result<&Client, GoogleError> {
        let made = self.0.library.get_or_try_init(|| async {
            let endpoint = &self.0.settings.endpoint;
            let tokens = (!endpoint.emulator).then(|| self.0.client.tokens().clone());
            ClientBuilder::new()
                .with_v2_base_url(endpoint.base.clone())
                .with_client(self.0.http.clone())
                .build_from_authenticator(Arc::new(Credentials(tokens)))
                .await
        });
        made.await.map_err(|error| of_library(doing, error))
    }

    /// A little less than all the time there is, so that BigQuery says what it knows before the answer is too late.
    fn timeout_milliseconds(&self) -> i32 {
        let milliseconds = self.0.settings.timeout.as_millis() * 9 / 10;
        i32::try_from(milliseconds).unwrap_or(i32::MAX)
    }

    fn request(&self, statement: &Statement<'_>) -> QueryRequest {
        let settings = &self.0.settings;
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        QueryRequest {
            parameter_mode: Some("POSITIONAL".to_owned()),
            query_parameters: Some(statement.parameters.iter().map(parameter).collect()),
            location: settings.location.clone(),
            maximum_bytes_billed: Some(settings.bytes_billed_max.to_string()),
            timeout_ms: Some(self.timeout_milliseconds()),
            labels: Some(HashMap::from([
                label("service", "tipoff"),
                label("query", statement.name),
            ])),
            format_options: Some(DataFormatOptions {
                use_int64_timestamp: Some(true),
            }),
            ..QueryRequest::new(statement.text.clone())
        }
    }
}

fn parameter(value: &Parameter) -> QueryParameter {
    let (kind, text) = match value {
        Parameter::Date(date) => ("DATE", date.to_string()),
        Parameter::Instant(at) => ("TIMESTAMP", instant_text(*at)),
        Parameter::Text(text) => ("STRING", text.clone()),
        Parameter::Number(number) => ("FLOAT64", number.to_string()),
        Parameter::Count(count) => ("INT64", count.to_string()),
    };
    QueryParameter {
        name: None,
        parameter_type: Some(QueryParameterType {
            r#type: kind.to_owned(),
            ..QueryParameterType::default()
        }),
        parameter_value: Some(QueryParameterValue {
            value: Some(text),
            ..QueryParameterValue::default()
        }),
    }
}

/// Errors beside a 200 are the job's own (<https://cloud.google.com/bigquery/docs/error-messages>).
fn refuse_errors(doing: &str, page: &QueryResponse) -> Result<(), GoogleError> {
    let Some(error) = page.errors.as_ref().and_then(|errors| errors.first()) else {
        return Ok(());
    };
    let reason = error.reason.as_deref().unwrap_or("no reason");
    let message = error.message.as_deref().unwrap_or("nothing was said");
    let kind = match reason {
        "quotaExceeded" | "rateLimitExceeded" | "jobRateLimitExceeded" => Kind::Quota,
        "accessDenied" => Kind::Forbidden,
        "notFound" => Kind::NotFound,
        "backendError" | "internalError" | "jobBackendError" | "jobInternalError" => {
            Kind::Unavailable
        }
        _ => Kind::Invalid,
    };
    let said = format!("the job failed ({reason}): {message}");
    Err(GoogleError::new(doing, kind, said))
}

/// What the library lets be known of a failure.
fn of_library(doing: &str, error: BQError) -> GoogleError {
    match error {
        BQError::ResponseError { error } => {
            let said = &error.error;
            let status = u16::try_from(said.code).unwrap_or_default();
            let body = json!({"error": {
                "message": &said.message, "status": &said.status, "errors": &said.errors,
            }});
            GoogleError::of_answer(doing, status, body.to_string().as_bytes(), None)
        }
        BQError::RequestError(error) if error.is_decode() => {
            let said =
                "an answer that is not BigQuery's, of a status that the library does not tell";
            let said = format!("{said}: {}", chain(&error.without_url()));
            GoogleError::new(doing, Kind::Unreadable, said)
        }
        BQError::RequestError(error) => {
            GoogleError::new(doing, Kind::Unreachable, chain(&error.without_url()))
        }
        BQError::NoToken => {
            GoogleError::new(doing, Kind::Unauthenticated, "no access token could be had")
        }
        other => GoogleError::new(doing, Kind::Unreadable, other),
    }
}

/// What a failure says beside what was being done.
pub fn said(error: &GoogleError) -> String {
    match error.status {
        Some(status) => format!("answered {status}: {}", error.detail),
        None => error.detail.clone(),
    }
}
