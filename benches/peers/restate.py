"""Restate: one server, and its service in Node.

The service is in unit.mjs.
"""

import http.client
import json
import os
import pathlib
import subprocess
import time

from processes import Process, free_port, listens, until

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = """
base-dir = "{base}"
listen-mode = "tcp"
bind-ip = "127.0.0.1"
bind-port = {node}
disable-telemetry = true
log-filter = "warn"
[admin]
bind-address = "127.0.0.1:{admin}"
[ingress]
bind-address = "127.0.0.1:{ingress}"
"""


class Restate:
    name = "Restate"
    durability = "yes: each step in its log's RocksDB WAL, synced (its defaults, `rocksdb-disable-wal-fsync = false`)"
    setup = (
        "one server with its defaults (24 partitions), its service in one Node process (`@restatedev/restate-sdk`); the "
        "event calls a handler over the ingress, which calls the unit's handler N times and awaits all; known once the "
        "event's call returns."
    )

    def __init__(self, folder, scratch, units):
        self.folder, self.scratch, self.units = folder, scratch, units
        self.processes, self.number = [], 0
        said = subprocess.run([self.server(), "--version"], capture_output=True, text=True, check=True)
        sdk = json.loads((folder / "node_modules/@restatedev/restate-sdk/package.json").read_text())["version"]
        self.version = f"{said.stdout.split()[-1]} (SDK {sdk})"

    def server(self):
        return self.folder / "node_modules/.bin/restate-server"

    def start(self):
        ports = {name: free_port() for name in ("node", "admin", "ingress", "service")}
        base = self.scratch / "restate"
        base.mkdir()
        config = self.scratch / "restate.toml"
        config.write_text(CONFIG.format(base=base, **ports))
        # Node finds packages beside the file that imports them.
        service = self.folder / "unit.mjs"
        service.write_text((HERE / "unit.mjs").read_text())
        environment = dict(os.environ, PORT=str(ports["service"]), NODE_ENV="production", RESTATE_LOGGING="ERROR")
        self.processes.append(Process(["node", service], self.scratch / "node.log", env=environment))
        self.processes.append(Process([self.server(), "--config-file", config], self.scratch / "restate.log"))
        self.ingress = ports["ingress"]
        for name in ("service", "admin", "ingress"):
            until(f"Restate's {name} listens", lambda port=ports[name]: listens(port))
        uri = f"http://127.0.0.1:{ports['service']}"
        until("Restate knows the service", lambda: self.register(ports["admin"], uri))

    def register(self, admin, uri):
        connection = http.client.HTTPConnection("127.0.0.1", admin)
        body = json.dumps({"uri": uri})
        connection.request("POST", "/deployments", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status < 300

    def round(self):
        self.number += 1
        connection = http.client.HTTPConnection("127.0.0.1", self.ingress)
        body = json.dumps({"night": self.number, "units": self.units})
        since = time.time()
        connection.request("POST", "/night/event", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        took = time.time() - since
        if answer.status != 200:
            raise RuntimeError(f"Restate answered {answer.status}: {text}")
        said = json.loads(text)
        if said["answered"] != self.units:
            raise RuntimeError(f"not all answered: {said}")
        return said["first_at"] / 1e3 - since, took

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes = []
