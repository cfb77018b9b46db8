"""Pictures of the messages of one bad night, as a mail server and Slack received them.

Plays `tipoff demo` against this folder's stand-ins and photographs what arrived, in Chromium, at a phone's width.
Usage: pictures.py TIPOFF FOLDER [NIGHT]. Nothing here judges what the messages say.
"""

import email
import email.policy
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1.5"]


class StandIn:
    """A stand-in of this folder; its first line says its port, every later one something that happened."""

    def __init__(self, python, script, log):
        self.log = open(log, "w+")
        self.process = subprocess.Popen([python, HERE / script], stdin=subprocess.PIPE, stdout=self.log)
        while not (line := pathlib.Path(log).read_text().partition("\n"))[1]:
            if self.process.poll() is not None:
                sys.exit(f"{script} did not start")
        self.port = int(line[0])
        self.path = pathlib.Path(log)

    def events(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()[1:]]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def python_with_aiosmtpd():
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import aiosmtpd"], capture_output=True).returncode == 0:
            return python
    sys.exit("aiosmtpd is missing: install Debian's python3-aiosmtpd")


def shoot(page, picture, width, height):
    browser = shutil.which("chromium") or sys.exit("Chromium is missing: install Debian's chromium")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run([browser, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}",
                        f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True, timeout=60)


def mails(events):
    for event in events:
        if event.get("event") == "message":
            yield email.message_from_string(event["content"], policy=email.policy.default)


def main():
    tipoff, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    night = sys.argv[3] if len(sys.argv) > 3 else "2026-01-11"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        smtp = StandIn(python_with_aiosmtpd(), "smtpd.py", work / "smtp.log")
        slack = StandIn(sys.executable, "slackd.py", work / "slack.log")
        try:
            subprocess.run([tipoff, "demo", "--night", night, "--exit", "--port", "0", "--data", work / "demo",
                            "--smtp", f"127.0.0.1:{smtp.port}", "--slack", f"http://127.0.0.1:{slack.port}/api/"],
                           check=True, stdout=subprocess.DEVNULL, timeout=600)
            page = urllib.request.urlopen(f"http://127.0.0.1:{slack.port}/page").read()
            received = list(mails(smtp.events()))
        finally:
            smtp.stop()
            slack.stop()
        wanted = [mail for mail in received if "deadline breached" in mail["Subject"]]
        if not wanted:
            sys.exit(f"no mail about the breach among {len(received)}")
        (work / "mail.html").write_text(wanted[0].get_body(("html",)).get_content())
        (work / "slack.html").write_bytes(page)
        shoot(work / "mail.html", folder / "mail.png", 390, 2100)
        shoot(work / "slack.html", folder / "slack.png", 560, 2400)
        (folder / "mail.txt").write_text(wanted[0].get_body(("plain",)).get_content())
        for mail in received:
            print(mail["From"], "|", mail["To"], "|", mail["Subject"])


if __name__ == "__main__":
    main()
