-- What the planner may expect of a big night. Without this it takes a run for ten units and walks through all of them
-- where an index would do. `ANALYZE` makes the table; nothing else runs it, so these figures stay.

ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('units', 'units', '2000000 1000000 200000 1'),
    ('units', 'units_staged', '200000 200000 200000 100000 1'),
    ('units', 'units_leased', '1000 1000 1000 500'),
    ('units', 'units_in_flight', '10000 10000 10000 10'),
    ('units', 'units_claimed', '10000 10000 10000 10'),
    ('units', 'units_row_listed', '1000 1000 1000 1000'),
    ('units', 'units_open', '1000000 500000 100000 10000 1'),
    ('outbox', 'outbox_due', '1000 10'),
    ('outbox', 'sqlite_autoindex_outbox_1', '1000 1'),
    ('runs', 'sqlite_autoindex_runs_1', '1000 500 1'),
    ('runs', 'runs_due', '1000 1'),
    ('runs', 'runs_open', '10 5 1');
