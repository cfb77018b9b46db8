"""Celery on Redis: an event's task that sends a chord of units, and its last task that marks the night.

The tasks are in tasks.py, which the worker imports.
"""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
import time

import redis

from processes import Process, free_port, listens, until

HERE = pathlib.Path(__file__).resolve().parent


class Celery:
    setup = (
        "one worker with two processes (prefork), late acknowledgements, broker and results in the same Redis; the event "
        "is a task that sends a chord; known once the chord's last task has written the night's key."
    )

    def __init__(self, folder, scratch, units, synced):
        self.folder, self.units, self.synced = folder, units, synced
        self.name = "Celery on Redis, synced" if synced else "Celery on Redis, in memory"
        self.durability = (
            "each command in Redis' append-only file, synced (`appendfsync always`)"
            if synced
            else "no: nothing is written to disk"
        )
        self.scratch = scratch / ("celery-synced" if synced else "celery-memory")
        self.processes, self.number = [], 0
        said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
        server = said.split("v=")[1].split()[0]
        self.version = f"{importlib.metadata.version('celery')} (Redis {server})"

    def start(self):
        self.scratch.mkdir()
        port = free_port()
        persistence = ["--appendonly", "yes", "--appendfsync", "always"] if self.synced else ["--appendonly", "no"]
        command = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", self.scratch, "--save", ""]
        self.processes.append(Process(command + persistence, self.scratch / "redis.log"))
        until("Redis listens", lambda: listens(port))
        self.redis = redis.Redis(port=port)
        url = f"redis://127.0.0.1:{port}/0"
        environment = dict(os.environ, PEERS_REDIS=url, PYTHONDONTWRITEBYTECODE="1", C_FORCE_ROOT="1")
        worker = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", 2, "--loglevel", "ERROR"]
        worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        self.processes.append(Process(worker, self.scratch / "worker.log", cwd=HERE, env=environment))
        os.environ["PEERS_REDIS"] = url
        sys.modules.pop("tasks", None)
        import tasks

        self.tasks = tasks
        until("Celery's worker answers", lambda: tasks.app.control.ping(timeout=0.5))

    def round(self):
        self.number += 1
        key = f"night-{self.number}"
        since = time.time()
        self.tasks.event.delay(key, self.units)
        # Blocks in Redis until the last task pushes: no polling on this side.
        said = self.redis.blpop([f"{key}-done"], timeout=60)
        took = time.time() - since
        if said is None or int(said[1]) != self.units:
            raise RuntimeError(f"not all answered: {said}")
        return float(self.redis.get(f"{key}-first")) - since, took

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes = []
