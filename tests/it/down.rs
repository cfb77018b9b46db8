//! Down through the deadline.
