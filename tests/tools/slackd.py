#!/usr/bin/env python3
"""A stand-in for Slack: chat.postMessage, chat.update, auth.test and an incoming webhook, as strict as Slack documents.

usage: slackd.py [--port N] [--page FILE]   serve on 127.0.0.1; the port is the first line of the output
       slackd.py --self-test                plant wrong messages, at least one a rule, and see them refused

After the port each request is one JSON line: method, payload, verdict, milliseconds. Each line carries `at`, in
milliseconds since 1970. Lines on stdin set the mode:
    ok | notfound | ratelimit SECONDS | error500 | okfalse ERROR | html | hang | mute | cut | refuse
In `hang` and `mute` no request is answered; each is told of when it comes, too: {"hanging": method}. `mute` takes the
message first, `cut` takes it and closes the connection. GET /messages gives back what was taken, with its edits; GET
/page, or --page FILE after each message, shows it as a page. The channel is C0TIPOFF, the token xoxb-test, the webhook
/services/T000/B000/XXX.

Rules: https://docs.slack.dev/reference/block-kit/blocks and https://docs.slack.dev/reference/methods/chat.postMessage
"""

import argparse
import html
import http.client
import json
import re
import socket
import sys
import threading
import time
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "xoxb-test"
CHANNEL = "C0TIPOFF"
NAMES = {CHANNEL, "#tipoff", "tipoff"}
HOOK = "/services/T000/B000/XXX"
KNOWN_USERS = re.compile(r"^[UW][A-Z0-9]{1,29}$")
TEXT_MAX = 40000
METADATA_MAX = 8000
# https://docs.slack.dev/messaging/formatting-message-text: no more than 100 attachments a message.
ATTACHMENTS_MAX = 100
# What a webhook of the old kind lets its sender choose.
OVERRIDES = ("channel", "username", "icon_emoji", "icon_url")
# https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
ATTACHMENT = ("fallback", "callback_id", "color", "pretext", "title", "title_link", "text", "fields", "footer",
              "mrkdwn_in", "actions", "image_url", "thumb_url", "author_name", "author_link", "ts")


class Refused(Exception):
    """What Slack answers instead of taking a message."""

    def __init__(self, error, *messages):
        super().__init__(error)
        self.error = error
        self.messages = list(messages)


class Checker:
    """The rules of Block Kit, collecting what is wrong as Slack does: with the place in the payload."""

    def __init__(self):
        self.wrong = []
        self.block_ids = set()

    def fail(self, place, message):
        self.wrong.append(f"[ERROR] {message} [json-pointer:{place}]")

    def known(self, place, thing, allowed, required=()):
        """Whether it is an object with these fields and no others."""
        if not isinstance(thing, dict):
            self.fail(place, "must be an object")
            return False
        for name in thing:
            if name not in allowed:
                self.fail(f"{place}/{name}", f"no such field: {name}")
        for name in required:
            if name not in thing:
                self.fail(place, f"missing required field: {name}")
        return all(name in thing for name in required)

    def string(self, place, value, longest, shortest=1):
        if not isinstance(value, str):
            self.fail(place, "must be a string")
        elif len(value.strip()) < shortest and shortest > 0:
            self.fail(place, f"must be more than {shortest - 1} characters")
        elif len(value) > longest:
            self.fail(place, f"must be less than {longest + 1} characters")
        else:
            return True
        return False

    def text(self, place, thing, longest, kinds=("plain_text", "mrkdwn")):
        allowed = ("type", "text", "emoji", "verbatim")
        if not self.known(place, thing, allowed, ("type", "text")):
            return
        kind = thing["type"]
        if kind not in kinds:
            self.fail(f"{place}/type", f"must be one of {', '.join(kinds)}")
        if kind == "mrkdwn" and "emoji" in thing:
            self.fail(f"{place}/emoji", "emoji is for plain_text only")
        if kind == "plain_text" and "verbatim" in thing:
            self.fail(f"{place}/verbatim", "verbatim is for mrkdwn only")
        for flag in ("emoji", "verbatim"):
            if flag in thing and not isinstance(thing[flag], bool):
                self.fail(f"{place}/{flag}", "must be a boolean")
        if self.string(f"{place}/text", thing["text"], longest):
            markup(thing["text"], lambda message: self.fail(f"{place}/text", message))

    def items(self, place, thing, longest):
        if not isinstance(thing, list):
            self.fail(place, "must be a list")
        elif not thing:
            self.fail(place, "must provide at least one item")
        elif len(thing) > longest:
            self.fail(place, f"no more than {longest} items allowed")
        else:
            return thing
        return []

    def blocks(self, blocks):
        for index, block in enumerate(self.items("/blocks", blocks, 50)):
            self.block(f"/blocks/{index}", block)
        return self.wrong

    def block(self, place, block):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            self.fail(place, "missing required field: type")
            return
        rule = {
            "header": self.header,
            "section": self.section,
            "context": self.context,
            "actions": self.actions,
            "divider": lambda at, it: self.known(at, it, ("type", "block_id")),
        }.get(block["type"])
        if rule is None:
            self.fail(f"{place}/type", f"unsupported type: {block['type']}")
            return
        rule(place, block)
        if "block_id" in block and self.string(f"{place}/block_id", block["block_id"], 255):
            if block["block_id"] in self.block_ids:
                self.fail(f"{place}/block_id", "block_id already exists")
            self.block_ids.add(block["block_id"])

    def header(self, place, block):
        if self.known(place, block, ("type", "block_id", "text"), ("text",)):
            self.text(f"{place}/text", block["text"], 150, ("plain_text",))

    def section(self, place, block):
        self.known(place, block, ("type", "block_id", "text", "fields", "accessory", "expand"))
        if "text" not in block and "fields" not in block:
            self.fail(place, "must have text or fields")
        if "text" in block:
            self.text(f"{place}/text", block["text"], 3000)
        if "fields" in block:
            for index, field in enumerate(self.items(f"{place}/fields", block["fields"], 10)):
                self.text(f"{place}/fields/{index}", field, 2000)
        if "accessory" in block:
            self.button(f"{place}/accessory", block["accessory"], set())

    def context(self, place, block):
        if self.known(place, block, ("type", "block_id", "elements"), ("elements",)):
            for index, it in enumerate(self.items(f"{place}/elements", block["elements"], 10)):
                self.text(f"{place}/elements/{index}", it, 2000)

    def actions(self, place, block):
        if not self.known(place, block, ("type", "block_id", "elements"), ("elements",)):
            return
        ids = set()
        for index, it in enumerate(self.items(f"{place}/elements", block["elements"], 25)):
            self.button(f"{place}/elements/{index}", it, ids)

    def attachment(self, place, thing):
        if not self.known(place, thing, ATTACHMENT, ("fallback",)):
            return
        for name in ("fallback", "pretext", "title", "text", "footer"):
            if name in thing and self.string(f"{place}/{name}", thing[name], TEXT_MAX, 0) and name != "fallback":
                markup(thing[name], lambda message, name=name: self.fail(f"{place}/{name}", message))
        if not any(str(thing.get(name, "")).strip() for name in ("pretext", "title", "text", "fields")):
            self.fail(place, "must have pretext, title, text or fields")
        if thing.get("title_link") and not re.match(r"^https?://[^\s/]+", str(thing["title_link"])):
            self.fail(f"{place}/title_link", "must be a valid url")
        if "color" in thing and not re.match(r"^(good|warning|danger|#[0-9A-Fa-f]{6})$", str(thing["color"])):
            self.fail(f"{place}/color", "must be good, warning, danger or a hex colour")
        for name in thing.get("mrkdwn_in", []):
            if name not in ("pretext", "text", "fields", "title", "fallback"):
                self.fail(f"{place}/mrkdwn_in", f"no such field: {name}")
        if "fields" in thing:
            for index, field in enumerate(self.items(f"{place}/fields", thing["fields"], 100)):
                self.known(f"{place}/fields/{index}", field, ("title", "value", "short"), ("title", "value"))
        if "actions" in thing:
            for index, action in enumerate(self.items(f"{place}/actions", thing["actions"], 5)):
                allowed = ("type", "text", "url", "style", "name", "value")
                if self.known(f"{place}/actions/{index}", action, allowed, ("type", "text", "url")):
                    self.string(f"{place}/actions/{index}/text", action["text"], 75)

    def button(self, place, thing, ids):
        allowed = ("type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label")
        if not self.known(place, thing, allowed, ("type", "text")):
            return
        if thing["type"] != "button":
            self.fail(f"{place}/type", f"unsupported type: {thing['type']}")
        self.text(f"{place}/text", thing["text"], 75, ("plain_text",))
        if "action_id" in thing and self.string(f"{place}/action_id", thing["action_id"], 255):
            if thing["action_id"] in ids:
                self.fail(f"{place}/action_id", "action_id already exists")
            ids.add(thing["action_id"])
        if "url" in thing and self.string(f"{place}/url", thing["url"], 3000):
            if not re.match(r"^https?://[^\s/]+", thing["url"]):
                self.fail(f"{place}/url", "must be a valid url")
        if "value" in thing:
            self.string(f"{place}/value", thing["value"], 2000)
        if thing.get("style", "primary") not in ("primary", "danger"):
            self.fail(f"{place}/style", "must be primary or danger")


def markup(text, fail):
    """Control characters stand for control: `<` only opens a call or a link, `&` only an escape. Slack is laxer here;
    what it would let pass is what a message must never hold."""
    for found in re.finditer(r"&(?!amp;|lt;|gt;)", text):
        fail(f"unescaped & at {found.start()}")
    rest = re.sub(r"<@[UW][A-Z0-9]{1,29}>|<https?://[^<>|\s]+(\|[^<>]*)?>", "", text)
    found = re.search("[<>]", rest)
    if found:
        fail(f"unescaped {found.group()}")


class Slack:
    """Messages and the rules for taking them; no sockets."""

    def __init__(self):
        self.lock = threading.RLock()
        self.messages = []
        self.last = 0

    def stamp(self):
        with self.lock:
            self.last = max(self.last + 1, int(time.time() * 1e6))
            return f"{self.last // 1000000}.{self.last % 1000000:06d}"

    def find(self, ts):
        return next((it for it in self.messages if it["ts"] == ts and not it["hook"]), None)

    def content(self, payload, keeps=False):
        """Checks what a message says and gives it back."""
        text, blocks = payload.get("text"), payload.get("blocks")
        if text is not None and not isinstance(text, str):
            raise Refused("invalid_arguments", "[ERROR] text must be a string [json-pointer:/text]")
        if not (text or "").strip() and not blocks and not keeps:
            raise Refused("no_text")
        if len(text or "") > TEXT_MAX:
            raise Refused("msg_too_long")
        wrong = []
        markup(text or "", lambda message: wrong.append(f"[ERROR] {message} [json-pointer:/text]"))
        if blocks is not None and not isinstance(blocks, list):
            raise Refused("invalid_blocks_format")
        if blocks:
            wrong += Checker().blocks(blocks)
        elif blocks is not None and not keeps:
            wrong.append("[ERROR] must provide at least one item [json-pointer:/blocks]")
        if wrong:
            raise Refused("invalid_blocks", *wrong)
        if blocks and not (text or "").strip():
            raise Refused("no_text", "[ERROR] a message for screen readers needs text [json-pointer:/text]")
        self.metadata(payload.get("metadata"))
        return {"text": text or "", "blocks": blocks or [], "metadata": payload.get("metadata")}

    @staticmethod
    def metadata(data):
        if data is None:
            return
        if not isinstance(data, dict) or not isinstance(data.get("event_type"), str):
            raise Refused("invalid_metadata_format")
        if not isinstance(data.get("event_payload"), dict) or set(data) - {"event_type", "event_payload"}:
            raise Refused("invalid_metadata_format")
        if len(json.dumps(data)) > METADATA_MAX:
            raise Refused("metadata_too_large")

    @staticmethod
    def arguments(payload, allowed):
        for name in payload:
            if name not in allowed:
                raise Refused("invalid_arguments", f"[ERROR] no such argument [json-pointer:/{name}]")
        for name in ("reply_broadcast", "link_names", "unfurl_links", "unfurl_media", "mrkdwn"):
            if not isinstance(payload.get(name, False), bool):
                raise Refused("invalid_arguments", f"[ERROR] must be a boolean [json-pointer:/{name}]")
        if "channel" not in payload:
            raise Refused("invalid_arguments", "[ERROR] missing required field: channel")

    def post(self, payload):
        self.arguments(payload, ("channel", "text", "blocks", "thread_ts", "reply_broadcast", "metadata", "link_names",
                                 "unfurl_links", "unfurl_media", "mrkdwn", "parse"))
        if payload["channel"] not in NAMES:
            raise Refused("channel_not_found")
        thread = payload.get("thread_ts")
        if thread is not None and not self.find(thread):
            raise Refused("thread_not_found")
        if thread is not None and self.find(thread)["thread_ts"]:
            raise Refused("cannot_reply_to_message")
        if payload.get("reply_broadcast") and thread is None:
            raise Refused("invalid_arguments", "[ERROR] only for replies [json-pointer:/reply_broadcast]")
        return self.keep(self.content(payload), thread, payload.get("reply_broadcast", False))

    def keep(self, content, thread=None, broadcast=False, hook=False):
        message = dict(content, ts=self.stamp(), thread_ts=thread, broadcast=broadcast, hook=hook, edits=[])
        with self.lock:
            self.messages.append(message)
        answer = {"type": "message", "text": message["text"], "blocks": message["blocks"], "ts": message["ts"]}
        return {"ok": True, "channel": CHANNEL, "ts": message["ts"], "message": answer}

    def update(self, payload):
        self.arguments(payload, ("channel", "ts", "text", "blocks", "metadata", "link_names", "parse",
                                 "reply_broadcast"))
        # Names will not do here: https://docs.slack.dev/reference/methods/chat.update
        if payload["channel"] != CHANNEL:
            raise Refused("channel_not_found")
        message = self.find(payload.get("ts"))
        if message is None:
            raise Refused("message_not_found")
        content = self.content(payload, keeps=True)
        with self.lock:
            message["edits"].append({name: message[name] for name in ("text", "blocks", "metadata")})
            if "blocks" not in payload:
                content["blocks"] = message["blocks"]
            message.update(content)
        return {"ok": True, "channel": CHANNEL, "ts": message["ts"], "text": message["text"],
                "message": {"text": message["text"]}}

    def hook(self, payload):
        for name in payload:
            if name not in ("text", "blocks", "attachments", "unfurl_links", "unfurl_media", "mrkdwn", "link_names",
                            *OVERRIDES):
                raise Refused("invalid_payload")
        for name in OVERRIDES:
            if name in payload and not (isinstance(payload[name], str) and payload[name]):
                raise Refused("invalid_payload")
        if payload.get("channel", CHANNEL) not in NAMES:
            raise Refused("channel_not_found")
        attachments = self.attachments(payload.get("attachments"))
        content = self.content(payload, keeps=bool(attachments))
        self.keep(content | {"attachments": attachments}, hook=True)

    @staticmethod
    def attachments(attachments):
        """Checks attachments as Alertmanager sends them, and gives them back."""
        if attachments is None:
            return []
        if not isinstance(attachments, list) or not attachments:
            raise Refused("no_text", "[ERROR] must provide at least one attachment [json-pointer:/attachments]")
        if len(attachments) > ATTACHMENTS_MAX:
            raise Refused("too_many_attachments")
        checker = Checker()
        for index, attachment in enumerate(attachments):
            checker.attachment(f"/attachments/{index}", attachment)
        if checker.wrong:
            raise Refused("invalid_attachments", *checker.wrong)
        return attachments


# The page

def decoded(text):
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def shown(text):
    """A text object as Slack's client shows it."""
    if text["type"] == "plain_text":
        return html.escape(decoded(text["text"])).replace("\n", "<br>")
    return shown_markup(text["text"])


def shown_markup(text):
    parts = []
    for piece in re.split(r"(<[^<>]+>)", text):
        if piece.startswith("<@"):
            parts.append(f"<span class=call>@{html.escape(piece[2:-1])}</span>")
        elif piece.startswith("<"):
            url, _, label = piece[1:-1].partition("|")
            parts.append(f"<a href='{html.escape(url)}'>{html.escape(decoded(label or url))}</a>")
        else:
            plain = html.escape(decoded(piece)).replace("\n", "<br>")
            for mark, tag in (("*", "b"), ("_", "i"), ("~", "s"), ("`", "code")):
                edge = re.escape(mark)
                plain = re.sub(rf"(?<![\w{edge}]){edge}(?=\S)([^<{edge}]+?)(?<=\S){edge}(?![\w{edge}])",
                               rf"<{tag}>\1</{tag}>", plain)
            parts.append(plain)
    return "".join(parts)


def shown_button(button):
    return (f"<a class='button {button.get('style', '')}' href='{html.escape(button.get('url', '#'))}'>"
            f"{shown(button['text'])}</a>")


def shown_block(block):
    kind = block["type"]
    if kind == "header":
        return f"<h3>{shown(block['text'])}</h3>"
    if kind == "divider":
        return "<hr>"
    if kind == "context":
        return "<p class=context>" + " &nbsp; ".join(shown(it) for it in block["elements"]) + "</p>"
    if kind == "actions":
        return "<p class=actions>" + "".join(shown_button(it) for it in block["elements"]) + "</p>"
    parts = []
    if "text" in block:
        parts.append(f"<div>{shown(block['text'])}</div>")
    if "accessory" in block:
        parts.append(shown_button(block["accessory"]))
    fields = "".join(f"<div>{shown(it)}</div>" for it in block.get("fields", []))
    text = f"<div class=section>{''.join(parts)}</div>" if parts else ""
    return text + (f"<div class=fields>{fields}</div>" if fields else "")


def shown_attachment(attachment):
    title = shown_markup(attachment.get("title", ""))
    if attachment.get("title_link"):
        title = f"<a href='{html.escape(attachment['title_link'])}'>{title}</a>"
    return f"<div class=section><div><b>{title}</b><br>{shown_markup(attachment.get('text', ''))}</div></div>"


def shown_message(message, replies):
    inner = "".join(map(shown_block, message["blocks"])) or f"<p>{shown_markup(message['text'])}</p>"
    inner += "".join(map(shown_attachment, message.get("attachments", [])))
    at = time.strftime("%H:%M", time.gmtime(float(message["ts"])))
    tags = " ".join(tag for tag, is_so in (
        ("(edited)", message["edits"]), ("also sent to the channel", message["broadcast"])) if is_so)
    thread = "".join(shown_message(it, []) for it in replies)
    thread = f"<div class=thread><small>{len(replies)} replies</small>{thread}</div>" if replies else ""
    return (f"<article><div class=face>T</div><div class=body><b>Tipoff</b> <span class=app>APP</span> "
            f"<small>{at} {tags}</small>{inner}{thread}</div></article>")


STYLE = """
body{font:15px/1.46 Lato,'Helvetica Neue',Arial,sans-serif;color:#1d1c1d;margin:0;background:#fff}
header{position:sticky;top:0;background:#3f0e40;color:#fff;padding:10px 14px;font-weight:700}
article{display:flex;gap:8px;padding:8px 12px}.face{flex:none;width:36px;height:36px;border-radius:6px;color:#fff;
background:#1264a3;text-align:center;line-height:36px;font-weight:700}.body{min-width:0;flex:1;overflow-wrap:anywhere;
max-width:620px}small,.context{color:#616061;font-size:12px}.app{background:#e8e8e8;color:#616061;font-size:10px;
padding:1px 3px;border-radius:2px}h3{font-size:18px;margin:6px 0}.section{display:flex;gap:12px;justify-content:
space-between;margin:6px 0;align-items:flex-start}.fields{display:grid;grid-template-columns:1fr 1fr;gap:8px 16px;
margin:6px 0}.button{display:inline-block;flex:none;border:1px solid #bbb;border-radius:4px;padding:5px 12px;margin:0
8px 8px 0;color:#1d1c1d;text-decoration:none;font-weight:700;font-size:13px}.primary{background:#007a5a;color:#fff;
border-color:#007a5a}.call{background:#fdf3d8;color:#1264a3}.thread{border-left:3px solid #ddd;margin-top:8px}
code{background:#eee;color:#e01e5a}@media(max-width:480px){.fields{grid-template-columns:1fr}}
"""


def page(messages):
    rows = []
    for message in messages:
        if message["thread_ts"] is None:
            rows.append(shown_message(message, [it for it in messages if it["thread_ts"] == message["ts"]]))
        elif message["broadcast"]:
            rows.append(shown_message(message, []))
    return ("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>#tipoff</title><style>{STYLE}</style><header># tipoff</header>{''.join(rows)}</html>")


# The server

class Handler(BaseHTTPRequestHandler):
    """One request: its mode first, then the rules."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        is_json = not isinstance(body, str)
        data = (json.dumps(body) if is_json else body).encode()
        self.send_response(status)
        kind = "application/json" if is_json else "text/html"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/page":
            return self.answer(200, page(self.server.slack.messages))
        if self.path == "/messages":
            return self.answer(200, self.server.slack.messages)
        return self.answer(404, "not found")

    def do_POST(self):
        begun = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        method = self.path.rsplit("/", 1)[-1] if not self.path.startswith("/services/") else "webhook"
        mode, _, argument = self.server.mode.partition(" ")
        verdict, payload = mode, None
        try:
            payload = self.payload(body)
            verdict = self.taken(method, payload, mode, argument)
        except Refused as refused:
            verdict = refused.error
            self.refuse(method, refused)
        finally:
            self.server.tell(method, payload, verdict, begun)

    def payload(self, body):
        kind = self.headers.get("Content-Type", "").split(";")[0].strip()
        try:
            if kind == "application/x-www-form-urlencoded":
                form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=bool(body)))
                if "payload" in form:
                    return json.loads(form["payload"])
                return {name: json.loads(text) if name in ("blocks", "metadata") else text
                        for name, text in form.items()}
            if kind != "application/json":
                raise Refused("invalid_post_type")
            payload = json.loads(body or b"{}")
        except ValueError as error:
            raise Refused("invalid_json") from error
        if not isinstance(payload, dict):
            raise Refused("json_not_object")
        return payload

    def taken(self, method, payload, mode, argument):
        """Answers as the mode says; says what became of the request."""
        if mode == "ok":
            self.take(method, payload)
            return "ok"
        if mode == "notfound":
            self.answer(404, "no_service")
        elif mode == "ratelimit":
            body = "rate_limited" if method == "webhook" else {"ok": False, "error": "ratelimited"}
            self.answer(429, body, [("Retry-After", argument)])
        elif mode == "error500":
            self.answer(500, "server_error")
        elif mode == "html":
            self.answer(200, "<html>Please sign in to the network</html>")
        elif mode == "okfalse":
            self.okfalse(method, payload, argument)
        elif mode in ("hang", "mute"):
            if mode == "mute":
                self.do(method, payload)
            self.server.line({"hanging": method})
            self.server.hang.wait(60)
            self.close_connection = True
        elif mode in ("cut", "refuse"):
            if mode == "cut":
                self.do(method, payload)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        return mode

    def okfalse(self, method, payload, error):
        # `invalid_blocks` is about the layout: without one the message is taken.
        if error.startswith(("invalid_blocks", "msg_blocks")) and not payload.get("blocks"):
            return self.take(method, payload)
        return self.refuse(method, Refused(error))

    def do(self, method, payload):
        slack = self.server.slack
        if method == "webhook":
            if self.path != HOOK:
                raise Refused("no_service" if self.path.startswith("/services/T000/") else "no_team")
            slack.hook(payload)
            return "ok"
        bearer = self.headers.get("Authorization", "")
        if not bearer and not payload.get("token"):
            raise Refused("not_authed")
        if bearer != f"Bearer {TOKEN}":
            raise Refused("invalid_auth")
        calls = {"chat.postMessage": slack.post, "chat.update": slack.update,
                 "auth.test": lambda _: {"ok": True, "team": "Tipoff", "user": "tipoff", "bot_id": "B000"}}
        if method not in calls or self.path != f"/api/{method}":
            raise Refused("unknown_method")
        return calls[method](payload)

    def take(self, method, payload):
        answer = self.do(method, payload)
        self.server.show()
        self.answer(200, answer)

    def refuse(self, method, refused):
        if method == "webhook":
            status = {"no_service": 404, "no_team": 404, "channel_not_found": 404, "channel_is_archived": 410,
                      "action_prohibited": 403}.get(refused.error, 400)
            return self.answer(status, refused.error)
        body = {"ok": False, "error": refused.error}
        if refused.messages:
            body |= {"errors": refused.messages, "response_metadata": {"messages": refused.messages}}
        return self.answer(200, body)


class Server(ThreadingHTTPServer):
    """The stand-in on a port of its own."""

    daemon_threads = True

    def __init__(self, port=0, page_file=None, out=sys.stdout):
        super().__init__(("127.0.0.1", port), Handler)
        self.slack, self.mode, self.page_file, self.out = Slack(), "ok", page_file, out
        self.hang, self.out_lock = threading.Event(), threading.Lock()

    def begin(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def turn(self, mode):
        """Changes the mode; `refuse` closes the port, any other opens it again."""
        was, self.mode = self.mode, mode
        if mode == "refuse" and was != "refuse":
            self.shutdown()
            self.socket.close()
        elif mode != "refuse" and was == "refuse":
            self.socket = socket.socket(self.address_family, self.socket_type)
            self.server_bind()
            self.server_activate()
            self.begin()

    def handle_error(self, *_):
        pass  # Callers that give up are part of the tests.

    def line(self, thing):
        with self.out_lock:
            print(json.dumps({"at": time.time() * 1000} | thing), file=self.out, flush=True)

    def tell(self, method, payload, verdict, begun):
        took = round((time.monotonic() - begun) * 1000, 3)
        self.line({"method": method, "payload": payload, "verdict": verdict, "milliseconds": took})

    def show(self):
        if self.page_file:
            with open(self.page_file, "w", encoding="utf-8") as file:
                file.write(page(self.slack.messages))

    def obey(self, lines):
        for line in lines:
            mode = line.strip()
            if mode.split(" ")[0] not in MODES:
                self.line({"mode": mode, "error": "no such mode"})
                continue
            self.hang.set()
            self.hang = threading.Event()
            self.turn(mode)
            self.line({"mode": mode})


MODES = {"ok", "notfound", "ratelimit", "error500", "okfalse", "html", "hang", "mute", "cut", "refuse"}


# The self-test

def plain(text="x", **more):
    return {"type": "plain_text", "text": text, **more}


def mrkdwn(text="x", **more):
    return {"type": "mrkdwn", "text": text, **more}


def section(**more):
    return {"type": "section", **more}


def actions(*buttons):
    return {"type": "actions", "elements": list(buttons)}


def button(**more):
    return {"type": "button", "text": plain(), **more}


GOOD = [
    {"type": "header", "text": plain("a" * 150)},
    section(text=mrkdwn("*a* &lt;b&gt; <@U123> <https://a.test/b|c>", verbatim=True), accessory=button(url="http://a.test")),
    section(fields=[plain("b" * 2000)] * 10, text=plain("a" * 3000, emoji=False)),
    {"type": "context", "elements": [plain(), mrkdwn()]},
    actions(button(action_id="1", url="https://a.test", style="primary"), button(action_id="2")),
    {"type": "divider", "block_id": "d"},
]

WRONG = {
    "51 blocks": [{"type": "divider"}] * 51,
    "unknown block": [{"type": "heading", "text": plain()}],
    "block without type": [{"text": plain()}],
    "block that is no object": ["x"],
    "field of no block": [section(text=plain(), colour="red")],
    "header too long": [{"type": "header", "text": plain("a" * 151)}],
    "header with markup": [{"type": "header", "text": mrkdwn()}],
    "header without text": [{"type": "header"}],
    "section without words": [section()],
    "section with an empty text": [section(text=plain(""))],
    "section with blanks": [section(text=plain(" \n"))],
    "section too long": [section(text=mrkdwn("a" * 3001))],
    "text of no kind": [section(text={"type": "markdown", "text": "x"})],
    "text that is no object": [section(text="x")],
    "text that is no string": [section(text=plain(7))],
    "emoji in markup": [section(text=mrkdwn(emoji=True))],
    "verbatim in plain text": [section(text=plain(verbatim=True))],
    "emoji that is no flag": [section(text=plain(emoji="no"))],
    "no fields": [section(fields=[])],
    "fields that are no list": [section(fields={})],
    "11 fields": [section(fields=[plain()] * 11)],
    "field too long": [section(fields=[plain("a" * 2001)])],
    "empty field": [section(fields=[plain("")])],
    "no context": [{"type": "context", "elements": []}],
    "11 elements": [{"type": "context", "elements": [plain()] * 11}],
    "empty element": [{"type": "context", "elements": [plain("")]}],
    "no actions": [actions()],
    "26 actions": [actions(*[button()] * 26)],
    "action that is no button": [actions({"type": "knob", "text": plain()})],
    "button without text": [actions({"type": "button"})],
    "button too long": [actions(button(text=plain("a" * 76)))],
    "button with markup": [actions(button(text=mrkdwn()))],
    "button's address too long": [actions(button(url="https://a.test/" + "a" * 3000))],
    "button's address is none": [actions(button(url="javascript:alert(1)"))],
    "button's style": [actions(button(style="loud"))],
    "button's value": [actions(button(value="a" * 2001))],
    "two buttons with one name": [actions(button(action_id="a"), button(action_id="a"))],
    "a button's name too long": [actions(button(action_id="a" * 256))],
    "accessory that is no button": [section(text=plain(), accessory={"type": "image", "text": plain()})],
    "two blocks with one name": [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
    "a block's name too long": [{"type": "divider", "block_id": "a" * 256}],
    "a call to the channel": [section(text=mrkdwn("<!channel>"))],
    "a lone ampersand": [section(text=mrkdwn("a & b"))],
    "a lone bracket": [section(text=mrkdwn("a > b"))],
}


class SelfTest(unittest.TestCase):
    """Each rule refuses what it is there for, and takes what is right."""

    def refused(self, call, *arguments):
        with self.assertRaises(Refused) as caught:
            call(*arguments)
        return caught.exception.error

    def test_what_is_right_is_taken(self):
        slack = Slack()
        first = slack.post({"channel": CHANNEL, "text": "x", "blocks": GOOD,
                            "metadata": {"event_type": "a", "event_payload": {"id": "1"}}})
        reply = {"channel": "#tipoff", "text": "y", "thread_ts": first["ts"], "reply_broadcast": True}
        slack.post(reply)
        slack.update({"channel": CHANNEL, "text": "z", "ts": first["ts"]})
        self.assertEqual([it["text"] for it in slack.messages], ["z", "y"])
        self.assertEqual(slack.messages[0]["edits"][0]["text"], "x")
        self.assertEqual(slack.messages[0]["blocks"], GOOD)
        slack.update({"channel": CHANNEL, "text": "z", "blocks": [], "ts": first["ts"]})
        self.assertEqual(slack.messages[0]["blocks"], [])
        slack.hook({"text": "x", "blocks": GOOD})

    def test_each_wrong_layout_is_refused(self):
        for name, blocks in WRONG.items():
            with self.subTest(name):
                error = self.refused(Slack().post, {"channel": CHANNEL, "text": "x", "blocks": blocks})
                self.assertEqual(error, "invalid_blocks")
                # It is refused for what was planted, and nothing else.
                wrong = Checker().blocks(blocks)
                self.assertEqual(len(wrong), 1, wrong)
                self.assertEqual(self.refused(Slack().hook, {"text": "x", "blocks": blocks}), "invalid_blocks")

    def test_each_wrong_argument_is_refused(self):
        right = {"channel": CHANNEL, "text": "x"}
        for error, change in [
            ("channel_not_found", {"channel": "C1"}),
            ("no_text", {"text": " "}),
            ("no_text", {"text": "", "blocks": GOOD}),
            ("invalid_arguments", {"text": 7}),
            ("msg_too_long", {"text": "a" * 40001}),
            ("invalid_blocks", {"text": "<!here>"}),
            ("invalid_blocks", {"blocks": []}),
            ("invalid_blocks_format", {"blocks": "[]"}),
            ("thread_not_found", {"thread_ts": "1.2"}),
            ("invalid_arguments", {"reply_broadcast": True}),
            ("invalid_arguments", {"reply_broadcast": "yes"}),
            ("invalid_arguments", {"colour": "red"}),
            ("invalid_metadata_format", {"metadata": {"event_type": "a"}}),
            ("invalid_metadata_format", {"metadata": {"event_type": "a", "event_payload": {}, "x": 1}}),
            ("metadata_too_large", {"metadata": {"event_type": "a", "event_payload": {"a": "b" * 8000}}}),
        ]:
            with self.subTest(change):
                self.assertEqual(self.refused(Slack().post, right | change), error)
        self.assertEqual(self.refused(Slack().post, {"text": "x"}), "invalid_arguments")

    def test_replies_hang_under_first_messages_and_edits_need_a_known_one(self):
        slack = Slack()
        first = slack.post({"channel": CHANNEL, "text": "x"})["ts"]
        reply = slack.post({"channel": CHANNEL, "text": "y", "thread_ts": first})["ts"]
        under = {"channel": CHANNEL, "text": "y", "thread_ts": reply}
        self.assertEqual(self.refused(slack.post, under), "cannot_reply_to_message")
        self.assertEqual(self.refused(slack.update, {"channel": CHANNEL, "ts": "1.2", "text": "x"}), "message_not_found")
        self.assertEqual(self.refused(slack.update, {"channel": "#tipoff", "ts": first, "text": "x"}), "channel_not_found")
        self.assertEqual(self.refused(slack.hook, {"text": "x", "thread_ts": first}), "invalid_payload")

    def test_attachments_are_as_alertmanager_sends_them_or_refused(self):
        right = {"fallback": "x", "title": "x", "title_link": "http://127.0.0.1/", "text": "*x*", "color": "danger",
                 "mrkdwn_in": ["fallback", "pretext", "text"]}
        slack = Slack()
        slack.hook({"channel": "#tipoff", "username": "Alertmanager", "attachments": [right]})
        self.assertEqual(slack.messages[0]["attachments"], [right])
        for error, change in [
            ("no_text", {"attachments": []}),
            ("no_text", {"attachments": None}),
            ("invalid_payload", {"username": ""}),
            ("channel_not_found", {"channel": "#elsewhere"}),
            ("too_many_attachments", {"attachments": [right] * 101}),
            ("invalid_attachments", {"attachments": [{"title": "x"}]}),
            ("invalid_attachments", {"attachments": [{"fallback": "x"}]}),
        ] + [("invalid_attachments", {"attachments": [right | wrong]}) for wrong in (
            {"title_link": "ftp://x"}, {"color": "red"}, {"text": "a & b"}, {"text": "a < b"}, {"mrkdwn_in": ["x"]},
            {"fields": [{"title": "x"}]}, {"actions": [{"type": "button", "text": "x"}]}, {"colour": "danger"})]:
            with self.subTest(change):
                self.assertEqual(self.refused(slack.hook, {"attachments": [right]} | change), error)

    def call(self, server, path, body, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"} | headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def test_what_the_server_answers(self):
        with open("/dev/null", "w", encoding="utf-8") as null, Server(out=null) as server:
            server.begin()
            right = json.dumps({"channel": CHANNEL, "text": "x"})
            auth = {"Authorization": f"Bearer {TOKEN}"}

            def error(path="/api/chat.postMessage", body=right, **headers):
                return json.loads(self.call(server, path, body, **(auth | headers))[1]).get("error")

            self.assertIsNone(error())
            self.assertIsNone(error("/api/auth.test", "{}"))
            self.assertEqual(error(Authorization="Bearer xoxb-other"), "invalid_auth")
            self.assertEqual(error(Authorization=""), "not_authed")
            self.assertEqual(error(body="{"), "invalid_json")
            self.assertEqual(error(body="[]"), "json_not_object")
            self.assertEqual(error(Content_Type="text/plain"), "invalid_post_type")
            self.assertEqual(error("/api/chat.erase"), "unknown_method")
            form = urllib.parse.urlencode({"channel": CHANNEL, "text": "x"})
            self.assertIsNone(error(body=form, Content_Type="application/x-www-form-urlencoded"))
            said = json.dumps({"text": "x"})
            self.assertEqual(self.call(server, HOOK, said)[:2], (200, "ok"))
            self.assertEqual(self.call(server, "/services/T000/B000/YYY", said)[:2], (404, "no_service"))
            self.assertEqual(self.call(server, "/services/T1/B1/X", said)[:2], (404, "no_team"))
            self.assertEqual(self.call(server, HOOK, "{}")[:2], (400, "no_text"))
            server.obey(["ratelimit 30"])
            status, _, headers = self.call(server, HOOK, said)
            self.assertEqual((status, headers["Retry-After"]), (429, "30"))
            server.obey(["okfalse is_archived"])
            self.assertEqual(error(), "is_archived")
            for mode, status in [("notfound", 404), ("error500", 500), ("html", 200)]:
                server.obey([mode])
                self.assertEqual(self.call(server, HOOK, said)[0], status)
            kept = len(server.slack.messages)
            server.obey(["cut"])
            with self.assertRaises((http.client.HTTPException, OSError)):
                self.call(server, HOOK, said)
            self.assertEqual(len(server.slack.messages), kept + 1)
            server.obey(["refuse"])
            with self.assertRaises(ConnectionRefusedError):
                self.call(server, HOOK, said)
            self.assertEqual(len(server.slack.messages), kept + 1)
            server.obey(["ok"])
            self.assertEqual(self.call(server, HOOK, said)[0], 200)
            server.shutdown()

    def test_the_page_shows_words_and_never_runs_them(self):
        slack = Slack()
        slack.post({"channel": CHANNEL, "text": "&lt;script&gt;", "blocks": [section(text=mrkdwn("*a* &lt;script&gt;"))]})
        shown = page(slack.messages)
        self.assertIn("<b>a</b> &lt;script&gt;", shown)
        self.assertNotIn("<script>", shown)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--page", metavar="FILE")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        result = unittest.main(argv=[sys.argv[0]], exit=False).result
        sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
    with Server(options.port, options.page) as server:
        print(server.server_port, flush=True)
        server.begin()
        # It ends with its input: nobody who started it is left behind.
        server.obey(sys.stdin)


if __name__ == "__main__":
    main()
