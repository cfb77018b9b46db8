//! Counts recomputed from the rows equal the counts that the tallies add up to, whatever happens in whatever order.
