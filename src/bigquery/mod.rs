//! The warehouse on BigQuery: the same questions as the embedded one, over the network and never trusted further
//! than their answer is whole.
//!
//! What an answer means belongs to the engine; connections and tokens to `google`.
