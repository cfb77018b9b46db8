//! The store's own tests, on real files, written against the traits so that another store can take them too.

mod deliveries;
mod figures;
mod known;
mod later;
mod opening;
mod plans;
mod recount;
mod support;
mod waves;
