//! `/respond/{token}`: the page that a message's signed link opens; there its reader sees how things stand now, and
//! acknowledges or silences. The signature is the right to it: no token is asked for, and nothing else can be reached.
//!
//! Only a POST changes anything: mail servers and chats open links by themselves. Layout belongs to `page`.

use std::sync::Arc;

use axum::{
    Form,
    extract::{
        Path, State,
        rejection::{FormRejection, PathRejection},
    },
    http::{
        HeaderName, HeaderValue, StatusCode, Uri,
        header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    response::{Html, IntoResponse, Response},
};
use maud::Markup;

use super::{
    HttpState,
    acknowledge::{Outcome, Selection},
    people::query,
};
use crate::{
    domain::{
        Instant,
        alert::Kind,
        routing::Silence,
        run::Snapshot,
        zone::{LocalTime, Zone},
    },
    engine::EngineError,
    ports::{
        OpenUnit,
        notice::{About, Notice},
        store::StoreError,
    },
    wire::{
        alerts::Whose,
        link,
        people::Problem,
        reply::{Action, Reply, SilenceLength},
    },
};

mod forms;
mod page;

use forms::Entered;
pub use page::document;
use page::{Done, View};

/// Units named on the page.
const NAMED_UNITS_MAX: u32 = 20;
/// Two silences whose ends are no further apart are the same: a button pressed twice.
const SAME_SILENCE_SECONDS: i64 = 60;
/// Nothing is loaded, run or framed, and forms go nowhere else.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                              frame-ancestors 'none'";

type Pairs = Vec<(String, String)>;

/// Shows the page. It changes nothing.
pub async fn get(
    State(state): State<Arc<HttpState>>,
    token: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Response {
    let done = query(&uri).into_iter().find(|(name, _)| name == "done");
    let done = done.and_then(|(_, word)| Done::of(&word));
    match state.look(token).await {
        Ok(view) => with_headers(StatusCode::OK, view.markup(done, &Entered::default())),
        Err(refusal) => refusal.into_response(),
    }
}

/// Does what the form says, once, and leads back to the page: loading it anew repeats nothing.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    token: Result<Path<String>, PathRejection>,
    form: Result<Form<Pairs>, FormRejection>,
) -> Response {
    match state.reply(token, form).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

/// Why there is no page to show.
struct Refusal {
    status: StatusCode,
    title: &'static str,
    text: String,
}

impl Refusal {
    fn of(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            status,
            title,
            text,
        }
    }

    fn link(refused: &link::Refused, zone: &Zone) -> Self {
        match refused {
            link::Refused::Forged => {
                let text = "It was not made by this service, or a part of it got lost on the way: open it from the \
                            message itself.";
                Self::of(StatusCode::FORBIDDEN, "This link does not work", text)
            }
            link::Refused::Expired(until) => {
                let text = format!("It was valid until {}.", zone.text(*until));
                Self::of(StatusCode::GONE, "This link has expired", text)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        with_headers(self.status, page::refusal(self.title, &self.text))
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        // Makes the log entry that operators look for.
        let problem = Problem::from(error);
        let text = "Nothing of it was done. Try again in a moment.";
        let status = StatusCode::from_u16(problem.status);
        Self::of(
            status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            "It cannot be done now",
            text,
        )
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

/// A page as browsers are to treat it: kept nowhere, told to nobody, and nothing runs in it.
pub fn with_headers(status: StatusCode, markup: Markup) -> Response {
    let mut response = (status, Html(markup.into_string())).into_response();
    let mut set = |name: HeaderName, value| {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    };
    set(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    set(REFERRER_POLICY, "no-referrer");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(HeaderName::from_static("x-robots-tag"), "noindex");
    response
}

impl HttpState {
    /// What the page of this link shows now.
    async fn look(&self, token: Result<Path<String>, PathRejection>) -> Result<View, Refusal> {
        let zones = self.zones_of(None);
        let Ok(Path(token)) = token else {
            return Err(Refusal::link(&link::Refused::Forged, &zones.schedule));
        };
        let claim = self
            .engine
            .shared()
            .verify_link(&token)
            .map_err(|refused| Refusal::link(&refused, &zones.schedule))?;
        let store = &self.engine.shared().store;
        let Some(notice) = store.notice(&claim.notice_id).await? else {
            let text = "This service does not know the message any more.";
            return Err(Refusal::of(StatusCode::NOT_FOUND, "No such message", text));
        };
        let now = self.now();
        let whose = whose(&notice);
        let (night, units) = self.night(whose.as_ref(), now).await?;
        let alerts = match &whose {
            Some(whose) => self.alerts_of(whose).await?.unwrap_or_default(),
            None => Vec::new(),
        };
        let handoff = notice.about.handoff();
        let kinds = told_kinds(&notice);
        let mut silences = store.silences(now).await?;
        silences.retain(|it| it.handoff.as_ref() == handoff);
        let zones = self.zones_of(handoff);
        Ok(View {
            tomorrow_noon_at: tomorrow_noon(&zones.schedule, now),
            token,
            reader: claim.reader,
            valid_until: claim.until,
            zones,
            now,
            whose,
            night,
            units,
            alerts,
            silences,
            kinds,
            notice,
        })
    }

    async fn night(
        &self,
        whose: Option<&Whose>,
        now: Instant,
    ) -> Result<(Option<Snapshot>, Vec<OpenUnit>), StoreError> {
        let Some(Whose::Night(key)) = whose else {
            return Ok((None, Vec::new()));
        };
        let store = &self.engine.shared().store;
        let run = store.run(key).await?;
        let units = store.open_units(key, NAMED_UNITS_MAX).await?;
        Ok((run.map(|run| run.snapshot(now)), units))
    }

    async fn reply(
        &self,
        token: Result<Path<String>, PathRejection>,
        form: Result<Form<Pairs>, FormRejection>,
    ) -> Result<Response, Refusal> {
        let view = self.look(token).await?;
        let Ok(Form(form)) = form else {
            let text = "The form could not be read. Open the page again from the message.";
            let title = "Nothing was done";
            return Err(Refusal::of(StatusCode::BAD_REQUEST, title, text));
        };
        let done = match Reply::read(&form) {
            Ok(reply) => self.done(&view, reply).await?,
            Err(malformed) => {
                let entered = Entered::of(&form, &malformed);
                let markup = view.markup(None, &entered);
                return Ok(with_headers(StatusCode::BAD_REQUEST, markup));
            }
        };
        // Relative, so that it holds behind a proxy that serves us below a path of its own.
        let location = format!("{}?done={}", view.token, done.word());
        let mut response = with_headers(StatusCode::SEE_OTHER, maud::html! {});
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(LOCATION, location);
        }
        Ok(response)
    }

    async fn done(&self, view: &View, reply: Reply) -> Result<Done, EngineError> {
        match reply.action {
            Action::Acknowledge(names) => {
                let Some(whose) = &view.whose else {
                    return Ok(Done::NothingLeft);
                };
                let selection = if names.is_empty() {
                    Selection::All
                } else {
                    Selection::Names(names)
                };
                let outcome = self.acknowledge(whose, &selection, &reply.by).await?;
                Ok(match outcome {
                    Some(Outcome::Done(_)) => Done::Acknowledged,
                    Some(Outcome::Nothing(_)) | None => Done::NothingLeft,
                })
            }
            Action::Silence { length, reason } => {
                let until = match length {
                    SilenceLength::For(length) => view.now + length,
                    SilenceLength::UntilTomorrowNoon => view.tomorrow_noon_at,
                };
                self.silence_told(view, (reply.by, reason), until).await
            }
        }
    }

    /// Silences each kind that the message told of, unless it is silent that long already.
    async fn silence_told(
        &self,
        view: &View,
        (by, reason): (String, String),
        until: Instant,
    ) -> Result<Done, EngineError> {
        let handoff = view.notice.about.handoff();
        let enough = until - chrono::TimeDelta::seconds(SAME_SILENCE_SECONDS);
        let mut done = Done::SilentAlready;
        for kind in &view.kinds {
            let covers = |it: &Silence| it.until >= enough && it.silences(handoff, *kind, view.now);
            if view.silences.iter().any(covers) {
                continue;
            }
            let silence = Silence {
                handoff: handoff.cloned(),
                kind: Some(*kind),
                by: by.clone(),
                since: view.now,
                until,
                reason: reason.clone(),
            };
            self.engine.inbox().silence(silence).await?;
            done = Done::Silenced;
        }
        Ok(done)
    }
}

/// Whose alerts the page shows; `None`: of a report over several nights there are none.
fn whose(notice: &Notice) -> Option<Whose> {
    match &notice.about {
        About::Night(key) => Some(Whose::Night(key.clone())),
        About::Service if notice.told().is_empty() => None,
        About::Service => Some(Whose::Service),
        About::Handoff(_) => None,
    }
}

/// The kinds that the message told of, each once.
fn told_kinds(notice: &Notice) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for told in notice.told() {
        if !kinds.contains(&told.alert.kind) {
            kinds.push(told.alert.kind);
        }
    }
    kinds
}

/// Noon of the day after today, where people read the schedule.
fn tomorrow_noon(zone: &Zone, now: Instant) -> Instant {
    let today = zone.date(now).0;
    let noon = today.succ_opt().and_then(|day| day.and_hms_opt(12, 0, 0));
    // Only at the very end of the calendar is there no tomorrow.
    noon.map_or(now, |noon| match zone.instants_of(noon) {
        LocalTime::Once(at) => at,
        LocalTime::Twice { first, .. } => first,
        LocalTime::Never { gap_ends_at } => gap_ends_at,
    })
}
