//! The service killed while it has something to tell people: at named points between deciding a message and keeping
//! its receipt, and at moments that nobody chose.
//!
//! What has to be true afterwards is written in `told` and `tally`.

use std::{
    ops::Range,
    time::{Duration, Instant as Watch},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::Connection;

use super::{
    office::{Office, Routing},
    sight::Refusal,
    tally, told,
};

/// Where the chances start; a round's are this plus its number.
const SEED: u64 = 20_260_119;
/// Rounds of the normal run; some kill twice.
const ROUNDS: Range<u64> = 0..56;
/// Rounds of the long run.
const ROUNDS_LONG: Range<u64> = 0..1_000;
/// To have the chances of a failed round again: write its number here. Its point and its pauses are the same.
const AGAIN: Range<u64> = 0..1;
/// More messages an hour than there will be.
const UNLIMITED: u32 = 1_000_000;
/// How long a round takes to be told of, in microseconds, and what is left over.
const MOMENTS: Range<u64> = 0..40_000;
/// How long a start takes, in microseconds, and what is left over.
const STARTS: Range<u64> = 0..150_000;
/// Between an answer and its receipt, in microseconds.
const BETWEEN: Range<u64> = 0..3_000;

/// Where a message is when the service is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Durable, and no channel has been asked. Held by the disk.
    Decided,
    /// As before; and it is over already, so that the recovery has taken the alarm's place and says both.
    Replaced,
    /// As the first; and the next life is killed while it starts.
    DecidedThenStarting,
    /// Slack did not take it, the mail channel is to take it instead and has not been asked. Held by the disk.
    FallbackDecided,
    /// Slack did not take it; the mail server has been asked instead and says nothing.
    FallbackAsked,
    /// The mail server has been asked and says nothing; Slack has it.
    MailAsked,
    /// Slack has been asked and says nothing; the mail server has it.
    SlackAsked,
    /// The mail server has it and has not said so.
    MailTaken,
    /// Slack has it and has not said so.
    SlackTaken,
    /// Both have it and have not said so; killed there in two lives.
    BothTakenTwice,
    /// Both have it and have said so; no receipt is kept. Held by the disk.
    ReceiptsNotKept,
    /// Slack has it, and up to 3 ms have passed.
    JustTaken,
    /// Any moment from the cause on until it is told.
    AnyOfAlarm,
    /// Any moment from the mend on until it is told.
    AnyOfRecovery,
}

/// One a round, in turn: any moment more often than others, what waits for a new try (a second) less often. No
/// `AnyOfAlarm` right before a fallback: its cause may have to come again, and then it would be routed as the next.
const POINTS: [Point; 20] = [
    Point::Decided,
    Point::MailAsked,
    Point::AnyOfAlarm,
    Point::SlackTaken,
    Point::JustTaken,
    Point::AnyOfRecovery,
    Point::ReceiptsNotKept,
    Point::FallbackDecided,
    Point::AnyOfAlarm,
    Point::SlackAsked,
    Point::MailTaken,
    Point::DecidedThenStarting,
    Point::AnyOfRecovery,
    Point::BothTakenTwice,
    Point::AnyOfAlarm,
    Point::JustTaken,
    Point::FallbackAsked,
    Point::ReceiptsNotKept,
    Point::AnyOfRecovery,
    Point::Replaced,
];

impl Point {
    /// Where the round of this number is killed.
    pub fn of(round: u64) -> Self {
        POINTS[usize::try_from(round).unwrap() % POINTS.len()]
    }

    /// How many messages each channel is told, repeats aside.
    pub fn messages(self) -> usize {
        if self == Self::Replaced { 1 } else { 2 }
    }

    /// How often a round is killed here.
    pub fn kills(self) -> u64 {
        match self {
            Self::BothTakenTwice | Self::DecidedThenStarting => 2,
            Self::Decided
            | Self::Replaced
            | Self::FallbackDecided
            | Self::FallbackAsked
            | Self::MailAsked
            | Self::SlackAsked
            | Self::MailTaken
            | Self::SlackTaken
            | Self::ReceiptsNotKept
            | Self::JustTaken
            | Self::AnyOfAlarm
            | Self::AnyOfRecovery => 1,
        }
    }

    /// How often a message comes again over the mail channel and over Slack after each kill here; `None`: that depends
    /// on the moment.
    pub fn repeats(self) -> (Option<u64>, Option<u64>) {
        match self {
            Self::Decided | Self::Replaced | Self::FallbackDecided | Self::FallbackAsked => {
                (Some(0), Some(0))
            }
            Self::MailTaken => (Some(1), None),
            Self::SlackTaken => (None, Some(1)),
            Self::BothTakenTwice | Self::ReceiptsNotKept => (Some(1), Some(1)),
            Self::MailAsked => (Some(0), None),
            Self::SlackAsked => (None, Some(0)),
            Self::DecidedThenStarting
            | Self::JustTaken
            | Self::AnyOfAlarm
            | Self::AnyOfRecovery => (None, None),
        }
    }

    fn routing(self) -> Routing {
        match self {
            Self::FallbackDecided | Self::FallbackAsked => Routing::SlackFirst,
            Self::Decided
            | Self::Replaced
            | Self::DecidedThenStarting
            | Self::MailAsked
            | Self::SlackAsked
            | Self::MailTaken
            | Self::SlackTaken
            | Self::BothTakenTwice
            | Self::ReceiptsNotKept
            | Self::JustTaken
            | Self::AnyOfAlarm
            | Self::AnyOfRecovery => Routing::Both,
        }
    }

    fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Decided | Self::Replaced | Self::DecidedThenStarting => Some(Refusal::Messages),
            Self::FallbackDecided => Some(Refusal::Mails),
            Self::ReceiptsNotKept => Some(Refusal::Receipts),
            Self::FallbackAsked
            | Self::MailAsked
            | Self::SlackAsked
            | Self::MailTaken
            | Self::SlackTaken
            | Self::BothTakenTwice
            | Self::JustTaken
            | Self::AnyOfAlarm
            | Self::AnyOfRecovery => None,
        }
    }

    /// How the mail server and Slack answer.
    fn modes(self) -> (&'static str, &'static str) {
        match self {
            Self::FallbackDecided => ("ok", "error500"),
            Self::FallbackAsked => ("hang reader", "error500"),
            Self::MailAsked => ("hang reader", "ok"),
            Self::SlackAsked => ("ok", "hang"),
            Self::MailTaken => ("hang content", "ok"),
            Self::SlackTaken => ("ok", "mute"),
            Self::BothTakenTwice => ("hang content", "mute"),
            Self::Decided
            | Self::Replaced
            | Self::DecidedThenStarting
            | Self::ReceiptsNotKept
            | Self::JustTaken
            | Self::AnyOfAlarm
            | Self::AnyOfRecovery => ("ok", "ok"),
        }
    }
}

/// How the words begin by which rounds are known.
pub const WORD: &str = "round";

/// The word by which a round is known in what people are told.
pub fn word(round: u64) -> String {
    format!("{WORD}{round:05}")
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_people_are_told_no_alert_is_lost_and_repeats_say_so() {
    kill_and_prove(ROUNDS, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn killed_a_thousand_times_while_people_are_told_no_alert_is_lost_and_repeats_say_so() {
    kill_and_prove(ROUNDS_LONG, 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "to have a failed round again"]
async fn one_round_of_kills_again() {
    kill_and_prove(AGAIN, 1).await;
}

async fn kill_and_prove(rounds: Range<u64>, kills_min: u64) {
    let since = Watch::now();
    let mut office = Office::begin(Point::of(rounds.start).routing(), UNLIMITED);
    for number in rounds.clone() {
        let (point, seed) = (Point::of(number), SEED + number);
        println!("round {number}: {point:?}, seed {seed}");
        round(&mut office, number, StdRng::seed_from_u64(seed)).await;
    }
    let copies = told::prove(&office).await;
    let kills: u64 = rounds.clone().map(|it| Point::of(it).kills()).sum();
    assert_eq!(office.kills, kills);
    tally::prove(&copies, rounds);
    assert!(office.kills >= kills_min, "{} kills", office.kills);
    println!(
        "{} kills in {:.1} s",
        office.kills,
        since.elapsed().as_secs_f64()
    );
}

/// Something goes wrong once, the service is killed, comes back, and it is over.
async fn round(office: &mut Office, number: u64, mut random: StdRng) {
    let (point, next) = (Point::of(number), Point::of(number + 1));
    let (mail, slack) = point.modes();
    office.mail.set_mode(mail);
    office.slack.set_mode(slack).await;
    if let Some(refusal) = point.refusal() {
        refusal.begin(&office.file()).await;
    }
    let durable = reach(office, point, &word(number), &mut random).await;
    office.kill();
    if point == Point::BothTakenTwice {
        let before = seen(office);
        office.start(point.routing());
        see_both(office, before).await;
        office.kill();
    }
    office.mend().await;
    let held = match point.refusal() {
        Some(_) => Some(Refusal::end_while_dead(&office.file()).await),
        None => None,
    };
    if point == Point::DecidedThenStarting {
        office.start_and_kill(pause(&mut random, STARTS));
    }
    office.start(next.routing());
    if let Some(held) = held {
        held.close().await.unwrap();
    }
    if !durable.acknowledged().await {
        // As whoever sends it does until it is acknowledged.
        assert!(office.push(&word(number)).await);
    }
    office.settle().await;
    assert!(office.clear().await);
    office.settle().await;
}

/// Whether the cause was acknowledged.
enum Cause {
    Acknowledged,
    Pending(tokio::task::JoinHandle<bool>),
}

impl Cause {
    async fn acknowledged(self) -> bool {
        match self {
            Self::Acknowledged => true,
            Self::Pending(push) => push.await.unwrap(),
        }
    }
}

/// Causes an alert and returns once it is at this point.
async fn reach(office: &Office, point: Point, word: &str, random: &mut StdRng) -> Cause {
    let before = seen(office);
    if point == Point::AnyOfAlarm {
        let push = tokio::spawn(office.push(word));
        tokio::time::sleep(pause(random, MOMENTS)).await;
        return Cause::Pending(push);
    }
    assert!(office.push(word).await, "{:#?}", office.log.lock().unwrap());
    match point {
        Point::Decided | Point::DecidedThenStarting | Point::AnyOfAlarm => {}
        Point::Replaced => assert!(office.clear().await),
        Point::FallbackDecided => office.see_fallback().await,
        Point::FallbackAsked => office.mail.wait_for_more("hanging", before.mails_hanging),
        Point::MailAsked => {
            office.mail.wait_for_more("hanging", before.mails_hanging);
            office.slack.wait_for_taken(before.posts).await;
        }
        Point::SlackAsked => {
            office.slack.wait_for_hanging(before.posts_hanging).await;
            office.mail.wait_for_more("message", before.mails);
        }
        Point::MailTaken => {
            office.mail.wait_for_more("message", before.mails);
            office.slack.wait_for_taken(before.posts).await;
        }
        Point::SlackTaken => {
            office.slack.wait_for_hanging(before.posts_hanging).await;
            office.mail.wait_for_more("message", before.mails);
        }
        Point::BothTakenTwice => see_both(office, before).await,
        Point::ReceiptsNotKept => {
            office.mail.wait_for_more("message", before.mails);
            office.slack.wait_for_taken(before.posts).await;
        }
        Point::JustTaken => {
            office.slack.wait_for_taken(before.posts).await;
            tokio::time::sleep(pause(random, BETWEEN)).await;
        }
        Point::AnyOfRecovery => {
            office.settle().await;
            tokio::spawn(office.clear());
            tokio::time::sleep(pause(random, MOMENTS)).await;
        }
    }
    Cause::Acknowledged
}

/// What the channels have told of so far.
#[derive(Debug, Clone, Copy)]
struct Seen {
    mails: usize,
    mails_hanging: usize,
    posts: usize,
    posts_hanging: usize,
}

fn seen(office: &Office) -> Seen {
    Seen {
        mails: office.mail.count("message"),
        mails_hanging: office.mail.count("hanging"),
        posts: office.slack.taken(),
        posts_hanging: office.slack.hanging(),
    }
}

/// Both have the message and say nothing.
async fn see_both(office: &Office, before: Seen) {
    office.mail.wait_for_more("message", before.mails);
    office.slack.wait_for_hanging(before.posts_hanging).await;
}

fn pause(random: &mut StdRng, microseconds: Range<u64>) -> Duration {
    Duration::from_micros(random.random_range(microseconds))
}
