//! Google-signed identities of callers: a token's signature, maker, reader, time and account, or why not.
//!
//! Which account may call what belongs to `http`; tokens that this service sends belong to `google`.
