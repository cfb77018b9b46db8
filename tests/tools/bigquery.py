#!/usr/bin/env python3
"""Holds docs/queries/*.bigquery.sql to the embedded texts beside them: the same rows, the same answer.

usage: bigquery.py TIPOFF [--emulator FOLDER]
       bigquery.py --install [--emulator FOLDER]

TIPOFF is the built program. It plays a small night; the rows of its embedded warehouse go into bqemulator, an emulator of
BigQuery, and both are asked about that night, the night before and the night after, of which nothing was written.
The emulator is installed into a virtual environment in FOLDER (437 MB; target/bigquery without the option);
with --install that is all that is done, and nothing where it is there already.
"""

import argparse
import datetime
import fcntl
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PACKAGES = ["bqemulator==1.4.0", "numpy", "duckdb==1.5.5", "duckdb-extension-spatial==1.5.5"]
EXTENSION = "extensions/v1.5.5/spatial.duckdb_extension"
NIGHT, FIRST, LAST = "2025-12-30", "2025-12-29", "2025-12-31"
QUERIES = pathlib.Path(__file__).resolve().parents[2] / "docs/queries"
COLUMNS = {
    "nba_reference.processor_run_history": {
        "processor_name": "STRING", "run_id": "STRING", "data_date": "DATE", "status": "STRING",
        "processed_at": "TIMESTAMP", "trigger_source": "STRING", "summary": "JSON"},
    "nba_predictions.player_prop_predictions": {
        "player_lookup": "STRING", "game_date": "DATE", "is_active": "BOOL", "created_at": "TIMESTAMP"},
    "nba_analytics.upcoming_player_game_context": {
        "player_lookup": "STRING", "game_date": "DATE", "avg_minutes_per_game_last_7": "NUMERIC"},
}


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Emulator:
    """bqemulator on a free port, ended with the block."""

    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "bin/bqemulator"
        self.home = folder / "home"
        self.extension = self.home / ".duckdb/extensions/v1.5.5/linux_amd64/spatial.duckdb_extension"
        self.port = free_port()

    def install(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.extension.exists():
                return
            subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)
            subprocess.run([self.folder / "bin/pip", "install", "--quiet", *PACKAGES], check=True)
            # DuckDB looks for its extension below the home; the wheel only brings the file. It comes last and whole,
            # so that it stands for all of the installation.
            self.extension.parent.mkdir(parents=True, exist_ok=True)
            found = next(self.folder.glob(f"lib/*/site-packages/duckdb_extension_spatial/{EXTENSION}"))
            part = self.extension.with_suffix(".part")
            shutil.copy(found, part)
            part.rename(self.extension)

    def __enter__(self):
        self.install()
        self.process = subprocess.Popen(
            [self.program, "start", "--rest-port", str(self.port), "--grpc-port", str(free_port()), "--ephemeral",
             "--project", "test-project"],
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
            stdout=open(self.folder / "log", "w", encoding="utf-8"), stderr=subprocess.STDOUT)
        for _ in range(300):
            if self.process.poll() is not None:
                raise SystemExit((self.folder / "log").read_text(encoding="utf-8"))
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return self
            except OSError:
                time.sleep(0.2)
        raise SystemExit("the emulator never listened")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def call(self, path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/bigquery/v2/projects/test-project/{path}", json.dumps(body).encode(),
            {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except (urllib.error.HTTPError, http.client.HTTPException) as error:
            raise SystemExit(f"{path}: {error}: {error.read() if hasattr(error, 'read') else ''}") from error

    def query(self, sql, **parameters):
        """The rows of an answer; whatever is no complete answer is an end."""
        answer = self.call("queries", {
            "query": sql, "useLegacySql": False, "parameterMode": "NAMED", "timeoutMs": 60000,
            "formatOptions": {"useInt64Timestamp": True},
            "queryParameters": [{"name": name, "parameterType": {"type": "DATE"}, "parameterValue": {"value": value}}
                                for name, value in parameters.items()]})
        if not answer.get("jobComplete") or answer.get("errors") or answer.get("pageToken"):
            raise SystemExit(f"{sql}\n{answer}")
        names = [field["name"] for field in answer.get("schema", {}).get("fields", [])]
        return [dict(zip(names, (cell["v"] for cell in row["f"]))) for row in answer.get("rows", [])]


def literal(value, kind):
    if value is None:
        return "NULL"
    if kind == "BOOL":
        return "TRUE" if value else "FALSE"
    if kind == "NUMERIC":
        return f"NUMERIC '{value}'"
    text = json.dumps(value) if kind == "JSON" and not isinstance(value, str) else str(value)
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return quoted if kind == "STRING" else f"{kind} {quoted}"


def load(emulator, table, rows):
    columns = COLUMNS[table]
    definition = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    emulator.query(f"CREATE TABLE {table} ({definition})")
    for start in range(0, len(rows), 200):
        values = ", ".join("(" + ", ".join(literal(row[name], kind) for name, kind in columns.items()) + ")"
                           for row in rows[start:start + 200])
        emulator.query(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values}")


def instant(value):
    """An instant in whole seconds: BigQuery gives microseconds, the embedded warehouse RFC 3339."""
    if value is None:
        return None
    if value.isdigit():
        return round(int(value) / 1e6)
    return round(datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp())


def comparable(row):
    return {name: instant(value) if name.endswith("_at") else None if value is None else str(value)
            for name, value in row.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tipoff", nargs="?")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--emulator", type=pathlib.Path, default=pathlib.Path("target/bigquery"))
    options = parser.parse_args()
    if options.install:
        Emulator(options.emulator.resolve()).install()
        return
    if options.tipoff is None:
        parser.error("TIPOFF or --install is needed")
    with tempfile.TemporaryDirectory() as folder, Emulator(options.emulator.resolve()) as emulator:
        subprocess.run([options.tipoff, "demo", "--exit", "--night", NIGHT, "--port", "0", "--data", folder],
                       check=True, stdout=subprocess.DEVNULL)
        play = next(path.parent for path in pathlib.Path(folder).glob("*/warehouse"))

        def ask(sql):
            answer = subprocess.run([options.tipoff, "warehouse", "--data", play, "query", "--json", "--", sql],
                                    check=True, capture_output=True, text=True)
            return [json.loads(line) for line in answer.stdout.splitlines()]

        for name in sorted({table.split(".")[0] for table in COLUMNS}):
            emulator.call("datasets", {"datasetReference": {"projectId": "test-project", "datasetId": name}})
        for table in COLUMNS:
            load(emulator, table, ask(f"SELECT * FROM {table}"))
        wrong = 0
        for text in sorted(QUERIES.glob("*.bigquery.sql")):
            beside = text.with_name(text.name.replace(".bigquery", ""))
            embedded = beside.read_text(encoding="utf-8")
            span = "SELECT date('now', '-6 days'), date('now')"
            assert span in embedded, f"{beside.name} has no span to replace"
            here = [comparable(row) for row in ask(embedded.replace(span, f"SELECT '{FIRST}', '{LAST}'"))]
            there = [comparable(row) for row in
                     emulator.query(text.read_text(encoding="utf-8"), first_date=FIRST, last_date=LAST)]
            same = here == there and len(here) == 3 and here[1]["predicted"] not in (None, "0")
            wrong += not same
            print(f"{text.name}: {'the same' if same else 'DIFFERENT'}")
            for row in here if same else here + there:
                print(f"  {json.dumps(row)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
