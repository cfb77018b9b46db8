//! Tests that meet the whole service from outside, in one binary.
//!
//! What one file promises is tested next to it.

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tried.rs"]
mod tried;

mod down;
mod email;
mod faults;
#[path = "../scenarios/mod.rs"]
mod scenarios;

mod announcements;
mod browser;
mod failed_night;
mod health;
mod http_alerts;
mod http_complete;
mod http_identity;
mod http_people;
mod http_probes;
mod http_push;
mod http_quarantine;
mod http_respond;
mod http_unpublished;
mod image;
mod kill;
mod lost_group;
mod slack;
mod webhook;
