//! The store's own tests, on real files.
