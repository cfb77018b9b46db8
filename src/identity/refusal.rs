//! Why a caller is not heard: one closed set of named reasons.
//!
//! Which status answers which reason belongs to `http`.

use std::fmt;

/// Why a caller is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The call carries no token.
    NoToken,
    /// The call carries a token that nobody was given.
    WrongToken,
    /// The call carries several `Authorization` headers.
    Several,
    /// The token is longer than any that is looked at.
    TooLarge,
    /// The token is none, or says something that cannot be.
    Malformed,
    /// The token is signed in another way than RS256.
    WrongAlgorithm,
    /// The token does not say which key signed it.
    NoKeyId,
    /// The key is not one of those published.
    UnknownKey,
    /// The signature is not the key's.
    BadSignature,
    /// The token was made by someone else.
    WrongIssuer,
    /// The token does not say until when it is good.
    NoExpiry,
    /// The token's time is over.
    Expired,
    /// The token's time has not come.
    NotYet,
    /// The token was made for another service.
    WrongAudience,
    /// The token names no account.
    NoEmail,
    /// The account's address is not verified.
    UnverifiedEmail,
    /// The account is none of those configured.
    UnknownAccount,
    /// The caller is known and may not call this.
    NotAllowed,
    /// The published keys could not be asked: nothing is known of the caller.
    KeysUnavailable,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::NoToken,
        Self::WrongToken,
        Self::Several,
        Self::TooLarge,
        Self::Malformed,
        Self::WrongAlgorithm,
        Self::NoKeyId,
        Self::UnknownKey,
        Self::BadSignature,
        Self::WrongIssuer,
        Self::NoExpiry,
        Self::Expired,
        Self::NotYet,
        Self::WrongAudience,
        Self::NoEmail,
        Self::UnverifiedEmail,
        Self::UnknownAccount,
        Self::NotAllowed,
        Self::KeysUnavailable,
    ];

    /// The name as it stands in metrics, logs and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::WrongToken => "wrong_token",
            Self::Several => "several",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::NoKeyId => "no_key_id",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::WrongIssuer => "wrong_issuer",
            Self::NoExpiry => "no_expiry",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::WrongAudience => "wrong_audience",
            Self::NoEmail => "no_email",
            Self::UnverifiedEmail => "unverified_email",
            Self::UnknownAccount => "unknown_account",
            Self::NotAllowed => "not_allowed",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }

    /// The reason as a sentence for the caller, without a full stop and without anything the token holds.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoToken => "the call carries no token; send it as `Authorization: Bearer …`",
            Self::WrongToken => "the token is not one of this service",
            Self::Several => "the call carries several Authorization headers; send one",
            Self::TooLarge => "the token is too long",
            Self::Malformed => "the token cannot be read",
            Self::WrongAlgorithm => "the token is not signed with RS256",
            Self::NoKeyId => "the token does not name its key",
            Self::UnknownKey => "the token's key is not one that Google publishes",
            Self::BadSignature => "the token's signature is not right",
            Self::WrongIssuer => "the token was not made by Google",
            Self::NoExpiry => "the token does not say until when it is good",
            Self::Expired => "the token's time is over",
            Self::NotYet => "the token's time has not come",
            Self::WrongAudience => "the token was made for another audience",
            Self::NoEmail => "the token names no account",
            Self::UnverifiedEmail => "the account's address is not verified",
            Self::UnknownAccount => "the account is none that this service knows",
            Self::NotAllowed => "the caller is known and may not call this",
            Self::KeysUnavailable => {
                "the keys that identities are verified with cannot be had now; try again"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Refusal {}
