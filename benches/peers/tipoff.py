"""Tipoff: the release program as it ships, unpaced, with a worker over HTTP.

The configuration is that of benches/service/night.rs.
"""

import datetime
import http.client
import http.server
import json
import pathlib
import queue
import shutil
import subprocess
import threading
import time

from processes import Process, free_port, listens, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOOK_SECONDS = 0.002
CONFIG = """
[listen]
port = {port}
[doctor]
enabled = false
[[handoffs]]
id = "phase4-to-phase5"
calendar_zone = "{zone}"
season = "none"
sink = {{ http = {{ url = "http://127.0.0.1:{sink}/", batch = {batch} }} }}
[handoffs.upstream]
usual_finish = "13:00 {zone}"
[handoffs.schedule]
zone = "{zone}"
deadline = "23:00"
backup = "22:00"
retries = ["22:15", "22:30"]
[handoffs.pace]
start_per_second = 1000000.0
full_per_second = 1000000.0
in_flight_max = 2000000
"""


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def call(connection, method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{path} was answered {answer.status}: {text}")
    return json.loads(text)


def asked_in(body):
    """The units of a call: one object, or a list of them."""
    asked = json.loads(body)
    return asked if isinstance(asked, list) else [asked]


def answer(asked):
    said = {name: asked[name] for name in ("player_lookup", "game_date", "batch_id")}
    return json.dumps(said | {"predictions_generated": 2, "timestamp": now().isoformat()})


class Worker:
    """Takes units over HTTP and answers what has come by then in one body, on a connection of its own."""

    def __init__(self):
        self.first_at = None
        self.came = queue.SimpleQueue()
        worker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                if worker.first_at is None:
                    worker.first_at = time.perf_counter()
                worker.came.put(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, port):
        """Answers until nothing more comes (None)."""
        connection = http.client.HTTPConnection("127.0.0.1", port)
        goes_on = True
        while goes_on:
            bodies = [self.came.get()]
            while not self.came.empty():
                bodies.append(self.came.get())
            goes_on = None not in bodies
            lines = [answer(asked) for body in bodies if body for asked in asked_in(body)]
            if lines:
                call(connection, "POST", "/complete", "\n".join(lines))
        connection.close()


class Tipoff:
    durability = "yes: event, dispatch and answers, each in SQLite's WAL, synced (`synchronous = FULL`)"
    def __init__(self, folder, scratch, units, batch):
        self.batch = batch
        self.name = "Tipoff" if batch == 1 else f"Tipoff, {batch} units a call"
        self.setup = (
            "the release program, as shipped but unpaced; a fresh installation each round, started before the event; "
            f"{'one unit' if batch == 1 else f'up to {batch} units'} a call (`batch = {batch}`) to an HTTP worker in the "
            "driver, which answers what has come by then in one NDJSON body; known once `GET /status`, looked at every 2 "
            "ms, shows all predicted. The units are first read and filtered from its tables: no other system here does that."
        )
        self.program = folder.parent / "release/tipoff"
        self.scratch, self.units, self.process = scratch, units, None
        said = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=True)
        self.version = said.stdout.split()[-1]

    def start(self):
        pass

    def load(self, data, table, rows):
        file = data / "rows.ndjson"
        file.write_text("\n".join(map(json.dumps, rows)))
        command = [self.program, "warehouse", "--data", data, "load", table, file]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def fill(self, data, date):
        names = [f"player{number:07}" for number in range(self.units)]
        games = {name: f"game{number % 12}" for number, name in enumerate(names)}
        contexts = [
            {
                "player_lookup": name, "game_id": games[name], "game_date": date, "team_abbr": "LAL",
                "opponent_team_abbr": "DEN", "home_game": True, "has_prop_line": True, "current_points_line": 24.5,
                "avg_minutes_per_game_last_7": 31.0, "player_status": "active",
            }
            for name in names
        ]
        features = [
            {
                "player_lookup": name, "game_date": date, "game_id": games[name], "is_production_ready": True,
                "feature_quality_score": 88.0, "feature_version": "v2", "data_quality_issues": [],
                "circuit_breaker_active": False, "updated_at": now().isoformat(),
            }
            for name in names
        ]
        history = {
            "processor_name": "MLFeatureStoreProcessor", "run_id": "upstream-1", "data_date": date, "status": "success",
            "records_processed": self.units, "started_at": (now() - datetime.timedelta(minutes=20)).isoformat(),
            "processed_at": now().isoformat(), "duration_seconds": 1200.0, "phase": "phase_4_precompute",
        }
        self.load(data, "nba_analytics.upcoming_player_game_context", contexts)
        self.load(data, "nba_predictions.ml_feature_store_v2", features)
        self.load(data, "nba_reference.processor_run_history", [history])

    def round(self):
        hours = 12 - now().hour
        folder = self.scratch / "tipoff"
        shutil.rmtree(folder, ignore_errors=True)
        data = folder / "data"
        data.mkdir(parents=True)
        date = (now() + datetime.timedelta(hours=hours)).date().isoformat()
        self.fill(data, date)
        worker, port = Worker(), free_port()
        (folder / "tipoff.toml").write_text(CONFIG.format(batch=self.batch, port=port, zone=f"{hours:+03}:00", sink=worker.port))
        command = [self.program, "serve", "--config", "tipoff.toml", "--data", "data"]
        self.process = Process(command, self.scratch / "tipoff.log", cwd=folder, env={})
        until("Tipoff listens", lambda: listens(port))
        answering = threading.Thread(target=worker.answer, args=(port,), daemon=True)
        answering.start()
        try:
            return self.play(worker, port, date)
        finally:
            worker.came.put(None)
            answering.join(10)
            worker.server.shutdown()
            worker.server.server_close()
            self.stop()

    def play(self, worker, port, date):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        event = {
            "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
            "game_date": date, "status": "success", "timestamp": now().isoformat(),
        }
        since = time.perf_counter()
        call(connection, "POST", "/trigger", json.dumps(event))
        while True:
            counts = call(connection, "GET", f"/status?game_date={date}")["counts"]
            took = time.perf_counter() - since
            if counts["outstanding"] == 0 and counts["predicted"] == self.units:
                connection.close()
                return worker.first_at - since, took
            # Looking all the time would take the processor from what is looked at.
            time.sleep(LOOK_SECONDS)
            if took > 60:
                raise TimeoutError(f"never answered: {counts}")

    def stop(self):
        if self.process is not None:
            self.process.stop()
            self.process = None
