//! Writes letters as pages and texts to look at them: `cargo test --lib writes_samples -- --ignored`.

use chrono::TimeDelta;

use super::world;
use crate::{
    domain::{
        alert::{Change, Kind, Role, Severity},
        ids::ChannelId,
        run::{Snapshot, State},
        sla::Verdict,
    },
    ports::notice::{Parcel, Way},
    render::{html, letter::Letter, plain},
};

fn recovered() -> Parcel {
    let mut over = world::breach();
    over.text = "finished at 07:12 PST, late by 12 min".to_owned();
    let notice = world::alerts(
        vec![world::told(Change::Resolved, over)],
        Some(finished()),
        Vec::new(),
    );
    world::parcel(vec![notice])
}

fn finished() -> Snapshot {
    let at = world::deadline() + TimeDelta::minutes(13);
    let mut night = world::bad_night();
    night.at = at;
    night.state = State::Complete;
    night.verdict = Some(Verdict::Breached);
    night.completed_at = Some(at - TimeDelta::minutes(1));
    night.forecast = None;
    night.counts.predicted = 215;
    night.counts.skipped = 3;
    night.counts.failed = 0;
    night.counts.outstanding = 0;
    night.counts.needing_work = 0;
    night.games.clear();
    night.reasons = [("no_prop_lines".to_owned(), 3)].into();
    night.alerts = vec![
        world::told(Change::Resolved, world::breach()).alert,
        world::alert(
            Kind::ReadinessGap,
            Severity::Info,
            "106 of 324 expected are not ready (33 %): the upstream's",
        ),
        world::alert(
            Kind::EventPathSilent,
            Severity::Warning,
            "no upstream event came; the run was started by backup",
        ),
    ];
    night
}

fn odd() -> Parcel {
    let mut parcel = world::bad_parcel();
    let channel = ChannelId::new("slack");
    parcel.way = Way {
        instead_of: Some((channel.clone(), "404 no_service".to_owned())),
        elsewhere: vec![(ChannelId::new("email"), world::deadline())],
        may_repeat: true,
        attempts: 2,
    };
    let mut told = world::told(Change::Escalated, world::breach());
    told.known_up_to = Some(Role::Developer);
    let silent = "218 are sent since 06:00 PST and no worker has answered";
    let silent = world::alert(Kind::WorkersSilent, Severity::Critical, silent);
    let mut units = world::units(20);
    units[3].unit = crate::domain::ids::UnitId::new("x".repeat(300));
    units[4].reason = Some("<script>alert(1)</script> & \"quotes\" ]]> \u{202e}evil".to_owned());
    parcel.notices = vec![world::alerts(
        vec![told, world::told(Change::Opened, silent)],
        Some(world::bad_night()),
        units,
    )];
    parcel.audience = vec![world::person("otto", Role::OnCall)];
    parcel
}

fn digest() -> Parcel {
    let notices = (0..981).map(|number| {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let severity = match number % 7 {
            0 => Severity::Critical,
            _ => Severity::Warning,
        };
        let alert = world::alert(kind, severity, &format!("{number} broke"));
        let told = world::told(Change::Opened, alert);
        world::alerts(vec![told], Some(world::bad_night()), Vec::new())
    });
    world::parcel(notices.collect())
}

fn channel() -> Parcel {
    let text = "slack does not take messages: 404 no_service";
    let alert = world::alert(Kind::ChannelFailing, Severity::Warning, text);
    let told = world::told(Change::Opened, alert);
    world::parcel(vec![world::alerts(vec![told], None, Vec::new())])
}

/// Sample letters by name.
pub fn samples() -> Vec<(&'static str, Letter)> {
    let parcels = [
        ("breach", world::bad_parcel()),
        ("recovered", recovered()),
        ("odd", odd()),
        ("digest", digest()),
        ("channel", channel()),
        ("daily", world::daily(finished())),
        ("weekly", world::weekly(world::week())),
    ];
    let letters = parcels.into_iter();
    letters
        .map(|(name, parcel)| {
            let now = parcel.notices[0].at + TimeDelta::seconds(2);
            (name, Letter::of(&parcel, now))
        })
        .collect()
}

#[test]
#[ignore = "writes pages to look at"]
fn writes_samples() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/samples");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, letter) in samples() {
        let mut page = html::page(&letter);
        for picture in &letter.pictures {
            let file = format!("{name}-{}.png", picture.name);
            page = page.replace(&format!("cid:{}", picture.name), &file);
            std::fs::write(folder.join(file), &picture.png).unwrap();
        }
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
        std::fs::write(folder.join(format!("{name}.txt")), plain::text(&letter)).unwrap();
    }
}
