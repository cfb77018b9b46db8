-- Text ids, instants as microseconds since 1970 in UTC, dates as YYYY-MM-DD, JSON as text, truth as 0 or 1.

CREATE TABLE runs (
    handoff TEXT NOT NULL,
    game_date TEXT NOT NULL,
    purpose TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    next_wake_at INTEGER,
    body TEXT NOT NULL,
    PRIMARY KEY (handoff, game_date)
) STRICT;
CREATE INDEX runs_due ON runs (next_wake_at) WHERE next_wake_at IS NOT NULL;
CREATE INDEX runs_open ON runs (handoff, game_date) WHERE closed_at IS NULL;

-- A batch stands here once its first wave is frozen. The run's plan is what its highest wave listed.
CREATE TABLE batches (
    handoff TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    game_date TEXT NOT NULL,
    wave INTEGER NOT NULL,
    released INTEGER NOT NULL DEFAULT 0,
    games_until TEXT,
    PRIMARY KEY (handoff, batch_id)
) STRICT;
CREATE INDEX batches_of_run ON batches (handoff, game_date, wave);
CREATE INDEX batches_by_id ON batches (batch_id);

CREATE TABLE units (
    handoff TEXT NOT NULL,
    game_date TEXT NOT NULL,
    unit TEXT NOT NULL,
    game_id TEXT NOT NULL,
    listing TEXT NOT NULL,
    -- The latest wave that listed it, and the last frozen wave that did.
    listed_wave INTEGER NOT NULL,
    plan_wave INTEGER,
    -- The latest wave that is to send it, and a frozen one that was ended before it did.
    staged_wave INTEGER,
    frozen_wave INTEGER,
    -- 1: a listing saw its row; it is merged when the listing's wave is frozen.
    row_listed INTEGER NOT NULL DEFAULT 0,
    standing INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    reason_text TEXT,
    true_at INTEGER,
    in_time INTEGER NOT NULL DEFAULT 0,
    claimed_at INTEGER,
    missing INTEGER NOT NULL DEFAULT 0,
    dispatched INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    phase TEXT NOT NULL DEFAULT 'idle',
    batch_id TEXT,
    sent_at INTEGER,
    -- Not NULL: claimed, and not yet known to be published or not. 0: free to be claimed again.
    lease_until INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (handoff, game_date, unit)
) STRICT, WITHOUT ROWID;
CREATE INDEX units_staged ON units (handoff, game_date, staged_wave, unit) WHERE staged_wave IS NOT NULL;
CREATE INDEX units_leased ON units (handoff, game_date, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX units_in_flight ON units (handoff, game_date, sent_at) WHERE phase = 'sent';
CREATE INDEX units_claimed ON units (handoff, game_date, claimed_at) WHERE standing = 3 AND missing = 0;
CREATE INDEX units_row_listed ON units (handoff, game_date, listed_wave) WHERE row_listed = 1;
CREATE INDEX units_open ON units (handoff, game_date, game_id, unit) WHERE standing < 3 OR missing = 1;

CREATE TABLE history (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    handoff TEXT NOT NULL,
    game_date TEXT NOT NULL,
    at INTEGER NOT NULL,
    step INTEGER,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX history_of_run ON history (handoff, game_date, seq);
CREATE INDEX history_by_instant ON history (at);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    decided_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    lease_until INTEGER,
    dead INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at) WHERE dead = 0;

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    message_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    game_date TEXT,
    body BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX quarantine_by_date ON quarantine (code, game_date);
