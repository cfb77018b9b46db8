#!/usr/bin/env python3
"""A real mail server for tests, on 127.0.0.1, with aiosmtpd (Debian: python3-aiosmtpd).

It prints its port, then one line of JSON an event:
  {"event": "connection", "connection": 1}                     somebody connected
  {"event": "message", "connection": 1, "mail_from": …, "rcpt_tos": […], "content": …, "tls": …, "user": …, "lost": …}
                                                               it is `lost` where nobody is told that it was taken
  {"event": "ended", "connection": 1}                          the connection is over
  {"event": "refused", "reader": …}                            a reader is about to be refused
  {"event": "hanging"}                                         somebody waits for an answer that will not come
  {"event": "line", "line": "temp"}                            a line of standard input has taken effect
Each carries `at`, in milliseconds since 1970.

Each line of standard input is a mode, or `sync`, which changes nothing: what happened before it has been told.
  ok                  takes everything
  temp [ADDRESS]      451 to every reader, or to this one
  perm [ADDRESS]      550 to every reader, or to this one
  greylist N          451 to the first N tries of each sender and reader, then takes them
  late                451 after the mail itself
  hang [STEP]         never answers at this step: banner, reader (the usual one), content or reset
  hold                answers for no reader until the mode changes, and then takes them
  cut                 takes the mail, then closes the connection without a word
  slow SECONDS        answers for each reader this late
  enough N            421 to the (N+1)th mail of a connection
  refuse              ends every connection and listens no more
It ends with its standard input.
"""

import argparse
import asyncio
import json
import logging
import ssl
import sys
import threading
import time
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

HOST = "127.0.0.1"


def tell(**event):
    print(json.dumps({"at": time.time() * 1000} | event), flush=True)


def tls_context(files):
    if not files:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


async def forever():
    tell(event="hanging")
    await asyncio.Event().wait()


class Connection(SMTP):
    """One connection, with its number."""

    def __init__(self, server, **options):
        super().__init__(server, **options)
        self.server, self.number, self.mails = server, None, 0

    def connection_made(self, transport):
        if self.number is None:  # it is made again when it goes over to TLS
            self.number = self.server.count()
            self.server.open.add(self)
            tell(event="connection", connection=self.number)
        super().connection_made(transport)

    def connection_lost(self, error):
        super().connection_lost(error)
        if self in self.server.open:
            self.server.open.discard(self)
            tell(event="ended", connection=self.number)

    async def _handle_client(self):
        if self.server.mode[:2] == ["hang", "banner"]:
            try:
                await forever()
            finally:  # the other side has hung up
                self.transport.abort()
        await super()._handle_client()


class Server:
    """Answers as its mode says."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.mode, self.tries, self.number, self.open = ["ok"], {}, 0, set()
        self.listening, self.port, self.changed = None, 0, asyncio.Event()

    def count(self):
        self.number += 1
        return self.number

    def connection(self):
        options = {"enable_SMTPUTF8": True, "hostname": "mail.test", "ident": "test"}
        if self.arguments.starttls and not self.arguments.strip:
            options.update(tls_context=tls_context(self.arguments.starttls), require_starttls=True)
        if self.arguments.auth:
            options.update(authenticator=self.authenticate, auth_required=True, auth_require_tls=False)
        return Connection(self, **options)

    async def listen(self):
        if self.listening is None:
            context = tls_context(self.arguments.tls)
            loop = asyncio.get_running_loop()
            self.listening = await loop.create_server(self.connection, HOST, self.port, ssl=context)
            self.port = self.listening.sockets[0].getsockname()[1]

    def refuse(self):
        if self.listening is not None:
            self.listening.close()
            self.listening = None
        for connection in list(self.open):
            connection.transport.abort()

    async def change(self, line):
        if line == "sync":
            return
        self.mode, self.tries = line.split(), {}
        self.changed.set()
        self.changed = asyncio.Event()
        if self.mode == ["refuse"]:
            self.refuse()
        else:
            await self.listen()

    def authenticate(self, _server, session, _envelope, _mechanism, login):
        user, password = self.arguments.auth
        if (login.login, login.password) == (user.encode(), password.encode()):
            session.user = user
            return AuthResult(success=True)
        # As some do, it says again what it was told.
        told = login.password.decode("utf-8", "replace")
        message = f"535 5.7.8 no such user or password: {told}"
        return AuthResult(success=False, handled=False, message=message)

    async def handle_MAIL(self, connection, _session, envelope, address, options):
        if self.mode[0] == "enough" and connection.mails >= int(self.mode[1]):
            return "421 4.7.0 enough for one connection"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RSET(self, _connection, _session, _envelope):
        if self.mode == ["hang", "reset"]:
            await forever()
        return "250 OK"

    async def handle_RCPT(self, connection, _session, envelope, address, _options):
        name, about = self.mode[0], self.mode[1:]
        if name == "slow":
            await asyncio.sleep(float(about[0]))
        if name == "hold":
            await self.changed.wait()
        if name == "hang" and about in ([], ["reader"]):
            await forever()
        if name == "temp" and about in ([], [address]):
            tell(event="refused", reader=address)
            return "451 4.3.0 try again later"
        if name == "perm" and about in ([], [address]):
            tell(event="refused", reader=address)
            return "550 5.1.1 no such user"
        if name == "greylist":
            triple = (envelope.mail_from, address)
            self.tries[triple] = self.tries.get(triple, 0) + 1
            if self.tries[triple] <= int(about[0]):
                tell(event="refused", reader=address)
                return "451 4.7.1 greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, connection, session, envelope):
        name = self.mode[0]
        if name == "late":
            return "451 4.3.2 the disk is full"
        connection.mails += 1
        transport = connection.transport
        tell(
            event="message",
            connection=connection.number,
            mail_from=envelope.mail_from,
            rcpt_tos=envelope.rcpt_tos,
            content=envelope.content.decode("utf-8", "backslashreplace"),
            tls=transport.get_extra_info("ssl_object") is not None,
            user=getattr(session, "user", None),
            lost=name == "cut" or self.mode == ["hang", "content"],
        )
        if name == "cut":
            transport.abort()
            await forever()
        if self.mode == ["hang", "content"]:
            await forever()
        return "250 2.0.0 queued"


async def main():
    logging.disable()
    warnings.simplefilter("ignore")  # passwords in the clear stay on this machine
    parser = argparse.ArgumentParser()
    parser.add_argument("--starttls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="from the first byte")
    parser.add_argument("--auth", nargs=2, metavar=("USER", "PASSWORD"))
    parser.add_argument("--strip", action="store_true", help="does not offer STARTTLS")
    server = Server(parser.parse_args())
    await server.listen()
    print(server.port, flush=True)
    loop, lines = asyncio.get_running_loop(), asyncio.Queue()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        await server.change(line.strip())
        tell(event="line", line=line.strip())


if __name__ == "__main__":
    asyncio.run(main())
