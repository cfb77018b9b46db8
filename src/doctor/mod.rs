//! Asks the real project whether the night can work, object by object, and says the command that mends what is wrong.
//!
//! What the objects ought to be belongs to `infra`; who is told, to the engine and `domain::service`.
