"""Raw SQLite: the same steps, a transaction each, synced, in one process without any network.

It is no system, but what the durable steps alone cost where each is committed by itself.
"""

import sqlite3
import time


class Sqlite:
    name = "raw SQLite"
    durability = "yes: a transaction a step, WAL, synced (`synchronous = FULL`)"
    setup = (
        "Python's sqlite3 in the driver itself: one transaction for the event, one to dispatch and one to answer each unit, "
        "one to mark the night; no worker, no network, no process in between."
    )

    def __init__(self, scratch, units):
        self.file, self.units, self.night = scratch / "raw.sqlite", units, 0
        self.version = sqlite3.sqlite_version

    def start(self):
        self.store = sqlite3.connect(self.file, isolation_level=None)
        self.store.execute("PRAGMA journal_mode = WAL")
        self.store.execute("PRAGMA synchronous = FULL")
        self.store.execute("CREATE TABLE nights (night INTEGER PRIMARY KEY, answered INTEGER)")
        self.store.execute("CREATE TABLE units (night, unit, answered, PRIMARY KEY (night, unit)) WITHOUT ROWID")

    def round(self):
        self.night += 1
        since = time.perf_counter()
        self.store.execute("INSERT INTO nights VALUES (?, 0)", (self.night,))
        first = None
        for unit in range(self.units):
            self.store.execute("INSERT INTO units VALUES (?, ?, 0)", (self.night, unit))
            first = first or time.perf_counter() - since
        for unit in range(self.units):
            self.store.execute("UPDATE units SET answered = 1 WHERE night = ? AND unit = ?", (self.night, unit))
        count = "UPDATE nights SET answered = (SELECT sum(answered) FROM units WHERE night = ?) WHERE night = ?"
        self.store.execute(count, (self.night, self.night))
        took = time.perf_counter() - since
        (answered,) = self.store.execute("SELECT answered FROM nights WHERE night = ?", (self.night,)).fetchone()
        if answered != self.units:
            raise RuntimeError(f"{answered} answered")
        return first, took

    def stop(self):
        self.store.close()
