-- Messages to people, the channels each goes over, and the receipts. Nothing here is deleted with a night.

CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    decided_at INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    -- Why it goes where it goes, or nowhere.
    reason TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- Which openings of alerts a message tells of: scope/kind/subject@opened_at.
CREATE TABLE notice_openings (
    opening TEXT NOT NULL,
    notice_id TEXT NOT NULL,
    PRIMARY KEY (opening, notice_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_openings_of_notice ON notice_openings (notice_id);

CREATE TABLE deliveries (
    notice_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    -- waiting, done, or replaced by a later message about the same openings.
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    severity INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    lease_until INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- 1: an earlier try may have arrived.
    doubtful INTEGER NOT NULL DEFAULT 0,
    -- 1: a later message took its place while it was being tried.
    superseded INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    done_at INTEGER,
    message_id TEXT,
    PRIMARY KEY (notice_id, channel)
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (channel, severity, decided_at) WHERE state = 'waiting';
CREATE INDEX deliveries_done ON deliveries (channel, done_at) WHERE state = 'done';

-- What a channel called the first message about a thing.
CREATE TABLE threads (
    channel TEXT NOT NULL,
    about TEXT NOT NULL,
    thread TEXT NOT NULL,
    PRIMARY KEY (channel, about)
) STRICT, WITHOUT ROWID;

CREATE TABLE silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    until INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX silences_until ON silences (until);

-- The service's own state: one row.
CREATE TABLE service (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next_wake_at INTEGER,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- When the service was last at work: its heartbeat writes here, so that a store that takes nothing stops it.
CREATE TABLE alive (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
