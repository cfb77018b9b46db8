"""Celery's side of the bench: the event, the unit, and the task that knows that all are answered."""

import os
import time

import celery
import redis

URL = os.environ["PEERS_REDIS"]
app = celery.Celery("tasks", broker=URL, backend=URL)
app.conf.update(task_acks_late=True, broker_connection_retry_on_startup=True)
store = redis.Redis.from_url(URL)
seen = set()


@app.task(name="event")
def event(key, units):
    celery.chord([unit.s(key, number) for number in range(units)])(done.s(key))


@app.task(name="unit")
def unit(key, number):
    # Once a process and night: the first of them wins.
    if key not in seen:
        seen.add(key)
        store.set(f"{key}-first", time.time(), nx=True)
    return number


@app.task(name="done")
def done(numbers, key):
    store.rpush(f"{key}-done", len(set(numbers)))
