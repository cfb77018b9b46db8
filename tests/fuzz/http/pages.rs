//! The page of a message's link, with spoiled links and spoiled forms.
//!
//! What the page does when it is used as it should be is tested in `tests/it/http_respond.rs`.

use super::{
    Kind,
    attack::Attack,
    attack_all, beside,
    call::{self, End},
    endpoints::Endpoint,
    judge::{Ended, judge},
    runtime,
};
use crate::failed_night::Failed;

/// A failed night with a message to its people, and the link in it.
struct World {
    failed: Failed,
    address: String,
    link: String,
}

/// Forms as the page sends them.
const FORMS: [&str; 3] = [
    "action=acknowledge&by=Dana",
    "action=acknowledge&by=Dana&alert=nothing_dispatched",
    "action=silence&by=Dana&for=2h&reason=maintenance",
];

/// Half of the calls keep the link as it is, and are about the form.
async fn page(world: &World, endpoint: &Endpoint, attack: &Attack) -> Result<Ended, String> {
    let mut attack = attack.clone();
    let keeps_link = attack.body.len().is_multiple_of(2);
    if keeps_link {
        let query = attack
            .target
            .split_once('?')
            .map(|(_, query)| query.to_owned());
        attack.target = format!("{}?{}", world.link, query.unwrap_or_default());
    }
    let sent = call::send(&world.address, &attack.bytes(&world.address), End::Wait).await;
    let answer = sent.ok_or("no answer")?;
    let good = world.failed.app.get(&world.link).await;
    if good.status != 200 {
        return Err(format!("the good link beside it: {good:?}"));
    }
    judge(endpoint, &attack, &answer)
}

#[test]
fn pages() {
    beside::panics();
    let runtime = runtime();
    let world = runtime.block_on(async {
        let failed = Failed::night().await;
        World {
            address: failed.app.url().trim_start_matches("http://").to_owned(),
            link: failed.link(),
            failed,
        }
    });
    let endpoints: Vec<_> = Endpoint::of(Kind::Page).collect();
    let forms = FORMS.map(|form| form.as_bytes().to_vec()).to_vec();
    let tally = attack_all(&runtime, &world, (&endpoints, &forms), page);
    let reply = runtime.block_on(
        world
            .failed
            .reply(&[("action", "acknowledge"), ("by", "Omar")]),
    );
    assert_eq!(reply.status, 303, "a good reply afterwards: {reply:?}");
    assert_eq!(beside::panics(), 0, "something panicked");
    tally.record(
        "pages of messages",
        "the good link opened beside each",
        "it worked each time",
    );
}
