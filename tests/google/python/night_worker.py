"""A prediction worker of a test night: Google's own client for Pub/Sub, over REST, and rows in a BigQuery emulator.

usage: night_worker.py PUBSUB_HOST BIGQUERY_HOST PROJECT

Pulls requests from `workers-sub`, writes a row for each player, publishes the completion, acknowledges. Every tenth
player is out injured and gets no row. Ends when its standard input is closed.
"""

import datetime
import json
import sys
import threading
import urllib.request

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.pubsub_v1 import PublisherClient, SubscriberClient


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def insert(bigquery, project, requests):
    """One statement for all rows, as a batch of predictions is written."""
    def text(value):
        return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
    rows = ", ".join(
        f"({text(it['request_id'])}, 's', {text(it['player_lookup'])}, DATE {text(it['game_date'])}, "
        f"{text(it['game_id'])}, TRUE, TIMESTAMP {text(now())})" for it in requests)
    sql = ("INSERT INTO nba_predictions.player_prop_predictions "
           f"(prediction_id, system_id, player_lookup, game_date, game_id, is_active, created_at) VALUES {rows}")
    body = json.dumps({"query": sql, "useLegacySql": False}).encode()
    call = urllib.request.Request(f"http://{bigquery}/bigquery/v2/projects/{project}/queries", body,
                                  {"Content-Type": "application/json"})
    with urllib.request.urlopen(call, timeout=60) as answer:
        said = json.load(answer)
    if said.get("errors") or not said.get("jobComplete"):
        raise RuntimeError(said)


def completion(request, out):
    outcome = {"outcome": "skipped", "reason": "player_injury_out"} if out else {"outcome": "predicted"}
    return {
        "player_lookup": request["player_lookup"], "game_date": request["game_date"],
        "predictions_generated": 0 if out else 5, "batch_id": request["batch_id"],
        "correlation_id": request["correlation_id"], "timestamp": now(), "worker_instance": "python",
        "request_id": request["request_id"], **outcome,
    }


def work(pubsub, bigquery, project):
    options = ClientOptions(api_endpoint=f"http://{pubsub}")
    chosen = {"transport": "rest", "client_options": options, "credentials": AnonymousCredentials()}
    subscriber, publisher = SubscriberClient(**chosen), PublisherClient(**chosen)
    subscription = f"projects/{project}/subscriptions/workers-sub"
    topic = f"projects/{project}/topics/prediction-ready-prod"
    pulled = subscriber.pull(request={"subscription": subscription, "max_messages": 50}, timeout=30)
    if not pulled.received_messages:
        return
    requests = []
    for received in pulled.received_messages:
        request = json.loads(received.message.data)
        request["request_id"] = received.message.attributes["request_id"]
        requests.append(request)
    out = [int(it["player_lookup"][-2:]) % 10 == 0 for it in requests]
    present = [it for it, gone in zip(requests, out) if not gone]
    if present:
        insert(bigquery, project, present)
    messages = [{"data": json.dumps(completion(it, gone)).encode()} for it, gone in zip(requests, out)]
    publisher.publish(request={"topic": topic, "messages": messages}, timeout=30)
    subscriber.acknowledge(request={"subscription": subscription,
                                    "ack_ids": [it.ack_id for it in pulled.received_messages]})


def main():
    pubsub, bigquery, project = sys.argv[1:]
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    print("ready", flush=True)
    while not ended.is_set():
        try:
            work(pubsub, bigquery, project)
        except Exception as error:  # a worker goes on; the message comes again
            if ended.is_set():
                return
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        ended.wait(0.1)


if __name__ == "__main__":
    main()
