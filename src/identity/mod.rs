//! Google-signed identities of callers: a token's signature, maker, reader, time and account, or why not.
//!
//! Which account may call what belongs to `http`; tokens that this service sends belong to `google`.

mod claims;
mod fetch;
mod keys;
mod refusal;
mod verifier;

pub use keys::{KEPT_FOR, REFETCHED_AFTER};
pub use refusal::Refusal;
pub use verifier::{Settings, TOKEN_BYTES_MAX, Verifier};
