"""Publishes each line of standard input as one message, by Google's own client over REST.

usage: publisher.py BASE TOPIC, such as http://127.0.0.1:8085 projects/p/topics/t
"""

import sys

from google.auth.credentials import AnonymousCredentials
from google.pubsub_v1 import PublisherClient

MESSAGES = 100

base, topic = sys.argv[1:]
client = PublisherClient(
    credentials=AnonymousCredentials(), transport="rest", client_options={"api_endpoint": base})
lines = [line.rstrip("\n").encode() for line in sys.stdin]
for first in range(0, len(lines), MESSAGES):
    messages = [{"data": line, "attributes": {"sender": "publisher.py"}} for line in lines[first:first + MESSAGES]]
    ids = client.publish(request={"topic": topic, "messages": messages}, timeout=20).message_ids
    assert len(ids) == len(messages), ids
