"""Child processes that end with the bench, free ports, and waiting until something listens.

What runs in them belongs to each system's file.
"""

import socket
import subprocess
import time

PATIENCE_SECONDS = 60


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def until(what, is_so):
    """Returns once it is so.

    Raises TimeoutError where it is not after a minute.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def listens(port):
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """One child with its log in a file; only this very process is ever ended."""

    def __init__(self, command, log, **more):
        self.log = open(log, "wb")
        self.child = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, **more
        )

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()
