//! Cloud Monitoring's time series: how they are asked for and read. An empty field is never a zero.
//!
//! What a number means belongs to each check.

use chrono::SecondsFormat;
use serde_json::Value;

use super::ask::{Project, Why, encoded};
use crate::domain::Instant;

/// The path of a question for the series that pass a filter, between two instants
/// (<https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list>).
pub fn path(project: &Project, filter: &str, (from, to): (Instant, Instant)) -> String {
    let text = |at: Instant| encoded(&at.to_rfc3339_opts(SecondsFormat::Secs, true));
    format!(
        "/projects/{}/timeSeries?filter={}&interval.startTime={}&interval.endTime={}",
        project.google.project,
        encoded(filter),
        text(from),
        text(to)
    )
}

/// The points of one series, newest first, as whole numbers.
///
/// # Errors
///
/// When it has none, or one that is not a whole number.
pub fn values(series: &Value) -> Result<Vec<i64>, Why> {
    let points = series["points"].as_array().into_iter().flatten();
    let read = |point: &Value| {
        let value = &point["value"]["int64Value"];
        // An int64 is a text in Google's JSON.
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        number.ok_or_else(|| "monitoring's answer has a point without a number".to_owned())
    };
    let values: Vec<i64> = points.map(read).collect::<Result<_, _>>()?;
    if values.is_empty() {
        return Err("monitoring's answer has a series without points".to_owned());
    }
    Ok(values)
}
