//! Several messages in one, because a channel takes no more in an hour, and the service killed before their receipt.
//!
//! Messages that go by themselves are in `alerts`.

use super::{
    office::{Office, Routing},
    sight::Refusal,
    told::NOTE,
};

/// The second message of an hour is a digest of all that wait.
const MESSAGES_PER_HOUR: u32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_comes_again_after_a_kill_says_so_and_is_known_by_the_same_id() {
    let mut office = Office::begin(Routing::Both, MESSAGES_PER_HOUR);
    assert!(office.push("first").await);
    office.settle().await;
    Refusal::Messages.begin(&office.file()).await;
    // The recovery, and an alarm of another kind: two messages wait on each channel.
    assert!(office.clear().await);
    assert!(office.unpublished().await);
    office.mail.set_mode("hang content");
    office.slack.set_mode("mute").await;
    Refusal::end(&office.file()).await;
    office.mail.wait_for_more("message", 1);
    office.slack.wait_for_hanging(0).await;
    office.kill();
    office.mend().await;
    office.start(Routing::Both);
    office.settle().await;

    let mails = office.mail.messages();
    let ids = |index: usize| mails[index].header("X-Tipoff-Notice");
    assert_eq!(mails.len(), 3, "{mails:#?}");
    assert_eq!(ids(1).split(' ').count(), 2, "no digest: {}", ids(1));
    assert_eq!(ids(1), ids(2));
    let message_id = |index: usize| mails[index].header("Message-ID");
    assert_eq!(message_id(1), message_id(2));
    assert!(!mails[1].text().contains(NOTE), "{}", mails[1].text());
    assert!(mails[2].text().contains(NOTE), "{}", mails[2].text());

    let posts = office.slack.messages().await;
    assert_eq!(posts.len(), 3, "{posts:#?}");
    assert_eq!(posts[1]["metadata"], posts[2]["metadata"]);
    assert!(!posts[1].to_string().contains(NOTE), "{:#}", posts[1]);
    assert!(posts[2].to_string().contains(NOTE), "{:#}", posts[2]);
}
