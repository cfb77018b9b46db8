//! Every endpoint of the running service, called as nobody should call it, with a good message beside each call.
//!
//! The readers of each shape alone are fed in `main`.

use std::cell::RefCell;

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::{corpus, tried};

mod attack;
mod beside;
mod call;
mod endpoints;
mod judge;
mod large;
mod pages;
mod wild;

use attack::{Attack, attack};
use beside::Beside;
use call::End;
use endpoints::{ENDPOINTS, Endpoint, Kind, routes};
use judge::{Ended, judge};

/// Calls of an endpoint in the normal run.
const CASES: u32 = 120;
/// Good messages of a test at most: beyond, not every call has one beside it.
const GOOD_MAX: u32 = 4_000;

/// How the calls of a test ended.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    calls: u32,
    taken: u32,
    quarantined: u32,
    refused: u32,
}

impl Tally {
    fn note(&mut self, ended: Ended) {
        self.calls += 1;
        match ended {
            Ended::Taken => self.taken += 1,
            Ended::Quarantined => self.quarantined += 1,
            Ended::Refused => self.refused += 1,
        }
    }

    /// Keeps the row of the table; a test that only ever saw one kind of answer has proved little.
    fn record(&self, what: &str, beside: &str, kept: &str) {
        let Self {
            calls,
            taken,
            quarantined,
            refused,
        } = self;
        assert!(*taken > 0 && quarantined + refused > 0, "{self:?}");
        tried::record(
            &format!("hostile calls: {what}"),
            &format!("{calls} calls, {beside}"),
            &format!(
                "{taken} taken, {quarantined} quarantined, {refused} refused by name; no 5xx, no panic, {kept}"
            ),
        );
    }

    /// The same, of calls with so many good messages beside them.
    fn record_beside(&self, what: &str, good: usize) {
        let beside = format!("{good} good messages beside them");
        self.record(what, &beside, "each good message counted once");
    }
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

fn config() -> Config {
    let default = Config::default();
    let cases = if default.cases > 256 {
        default.cases
    } else {
        CASES
    };
    Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..default
    }
}

/// The good bodies of an endpoint's corpus.
fn good(endpoint: &Endpoint) -> Vec<Vec<u8>> {
    let files = endpoint.corpus.iter().flat_map(|target| corpus(target));
    let named_good = |path: &std::path::Path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("good"))
    };
    files
        .filter(|(path, _)| named_good(path))
        .map(|(_, body)| body)
        .collect()
}

/// Calls each of these endpoints many times; `one` makes a call and says how it ended.
fn attack_all<W>(
    runtime: &Runtime,
    world: &W,
    (endpoints, forms): (&[&'static Endpoint], &[Vec<u8>]),
    one: impl AsyncFn(&W, &'static Endpoint, &Attack) -> Result<Ended, String>,
) -> Tally {
    let tally = RefCell::new(Tally::default());
    for endpoint in endpoints {
        let calls = attack(endpoint, [good(endpoint), forms.to_vec()].concat());
        let tried = TestRunner::new(config()).run(&calls, |attack| {
            let before = beside::panics();
            let ended = runtime
                .block_on(one(world, endpoint, &attack))
                .map_err(TestCaseError::fail)?;
            tally.borrow_mut().note(ended);
            match beside::panics() == before {
                true => Ok(()),
                false => Err(TestCaseError::fail("something panicked")),
            }
        });
        if let Err(error) = tried {
            panic!("{} {}: {error}", endpoint.method, endpoint.path);
        }
    }
    tally.into_inner()
}

async fn call(world: &Beside, endpoint: &Endpoint, attack: &Attack) -> Result<Ended, String> {
    let answer = call::send(&world.address, &attack.bytes(&world.address), End::Wait).await;
    let answer = answer.ok_or("no answer")?;
    judge(endpoint, attack, &answer)
}

fn start(runtime: &Runtime, endpoints: &[&'static Endpoint], each: u32) -> Beside {
    let cases = config().cases * u32::try_from(endpoints.len()).expect("a few");
    let units = (cases * each).min(GOOD_MAX * each) as usize;
    // What is tried before a failing case is small is tried with good messages, too.
    runtime.block_on(Beside::start(units + 1_000))
}

/// A good message beside every so many calls, so that there are at most [`GOOD_MAX`].
fn every(endpoints: &[&'static Endpoint]) -> u32 {
    let cases = config().cases * u32::try_from(endpoints.len()).expect("a few");
    cases.div_ceil(GOOD_MAX)
}

#[test]
fn the_endpoints_are_the_routers() {
    let source = include_str!("../../../src/http/router.rs");
    let known = ENDPOINTS.map(|it| (it.method.to_owned(), it.path.to_owned()));
    assert_eq!(routes(source), known.into());
    for added in [
        r#".route("/new", post(tick::post))"#,
        r#".route("/tick", get(tick::post).put(tick::post))"#,
        r#".nest("/more", other())"#,
        r#".route(PATH, get(tick::post))"#,
    ] {
        let planted = source.replace(
            "Router::new().route(",
            &format!("Router::new(){added}.route("),
        );
        assert_ne!(routes(&planted), routes(source), "{added}");
    }
}

#[test]
fn completions() {
    let runtime = runtime();
    let endpoints: Vec<_> = Endpoint::of(Kind::Completions).collect();
    let world = start(&runtime, &endpoints, 2);
    let turn = std::cell::Cell::new(0_u32);
    let tally = attack_all(
        &runtime,
        &world,
        (&endpoints, &[]),
        async |world, endpoint, attack| {
            turn.set(turn.get() + 1);
            if !turn.get().is_multiple_of(every(&endpoints)) {
                return call(world, endpoint, attack).await;
            }
            in_one_body(world, &attack.body, turn.get().is_multiple_of(2)).await?;
            let (ended, good) = tokio::join!(call(world, endpoint, attack), world.completion());
            good.and(ended)
        },
    );
    let good = runtime.block_on(world.finish());
    tally.record_beside("/complete", good);
}

/// A good line after or before a bad one, in the same body.
async fn in_one_body(world: &Beside, bad: &[u8], after: bool) -> Result<(), String> {
    let good = world.next().into_bytes();
    let (first, second) = if after {
        (bad, &good[..])
    } else {
        (&good[..], bad)
    };
    let body = [first, second].join(&b'\n');
    let answer = world.complete(&body).await.ok_or("no answer")?;
    match answer.counts()[0] {
        1.. => Ok(()),
        0 => Err(format!(
            "a good line lost: {answer:?} to {:?}",
            String::from_utf8_lossy(&body)
        )),
    }
}

#[test]
fn events() {
    let runtime = runtime();
    let endpoints: Vec<_> = Endpoint::of(Kind::Events).collect();
    let world = start(&runtime, &endpoints, 1);
    let turn = std::cell::Cell::new(0_u32);
    let tally = attack_all(
        &runtime,
        &world,
        (&endpoints, &[]),
        async |world, endpoint, attack| {
            turn.set(turn.get() + 1);
            if !turn.get().is_multiple_of(every(&endpoints)) {
                return call(world, endpoint, attack).await;
            }
            let (ended, event, completion) = tokio::join!(
                call(world, endpoint, attack),
                world.trigger(),
                world.completion()
            );
            let ended = event.and(completion).and(ended)?;
            let hash = format!("{:x}", Sha256::digest(&attack.body));
            match ended == Ended::Quarantined && world.quarantined(&hash).await.is_none() {
                true => Err("said to be in quarantine, and is not".to_owned()),
                false => Ok(ended),
            }
        },
    );
    let good = runtime.block_on(world.finish());
    tally.record_beside("/trigger", good);
}

fn people(kind: Kind, what: &str) {
    let runtime = runtime();
    let endpoints: Vec<_> = Endpoint::of(kind).collect();
    let world = start(&runtime, &endpoints, 1);
    // Something to show, replay and drop.
    for number in 0..20 {
        let bad = format!("bad {number}");
        let kept = runtime.block_on(call::post(&world.address, "/trigger", bad.as_bytes()));
        assert!(kept.is_some_and(|it| it.json()["quarantined"] == true));
    }
    let turn = std::cell::Cell::new(0_u32);
    let tally = attack_all(
        &runtime,
        &world,
        (&endpoints, &[]),
        async |world, endpoint, attack| {
            turn.set(turn.get() + 1);
            if !turn.get().is_multiple_of(every(&endpoints)) {
                return call(world, endpoint, attack).await;
            }
            let (ended, good) = tokio::join!(call(world, endpoint, attack), world.completion());
            good.and(ended)
        },
    );
    let good = runtime.block_on(world.finish());
    tally.record_beside(what, good);
}

#[test]
fn calls_with_a_body() {
    people(Kind::Call, "people's calls with a body");
}

#[test]
fn calls_without_a_body() {
    people(Kind::Bare, "people's calls without one, and probes");
}
