"""Pulls so many messages, by Google's own client over REST, acknowledges them and prints each as a line of JSON.

usage: worker.py BASE SUBSCRIPTION COUNT [TOPIC]

With a topic it answers each as a prediction worker does: a completion of one request. A request seen before, told by
its attribute request_id, is acknowledged and neither printed nor answered.
"""

import json
import sys

from google.auth.credentials import AnonymousCredentials
from google.pubsub_v1 import PublisherClient, SubscriberClient

base, subscription, count = sys.argv[1:4]
topic = sys.argv[4] if len(sys.argv) > 4 else None
way = {"credentials": AnonymousCredentials(), "transport": "rest", "client_options": {"api_endpoint": base}}
subscriber, publisher = SubscriberClient(**way), PublisherClient(**way)


def completion(message):
    request = json.loads(message.data)
    return json.dumps({
        "player_lookup": request["player_lookup"], "game_date": request["game_date"], "predictions_generated": 5,
        "batch_id": request["batch_id"], "correlation_id": request["correlation_id"],
        "timestamp": request["timestamp"], "worker_instance": "worker.py", "outcome": "predicted",
        "request_id": message.attributes["request_id"]}).encode()


seen = set()
while len(seen) < int(count):
    pulled = subscriber.pull(request={"subscription": subscription, "max_messages": 100}, timeout=20)
    received = pulled.received_messages
    if not received:
        continue
    fresh = []
    for it in received:
        key = it.message.attributes.get("request_id") or it.message.message_id
        if key not in seen:
            seen.add(key)
            fresh.append(it.message)
    if topic and fresh:
        messages = [{"data": completion(message)} for message in fresh]
        publisher.publish(request={"topic": topic, "messages": messages}, timeout=20)
    subscriber.acknowledge(request={"subscription": subscription, "ack_ids": [it.ack_id for it in received]})
    for message in fresh:
        line = {"data": message.data.decode(), "attributes": dict(message.attributes), "id": message.message_id}
        print(json.dumps(line))
