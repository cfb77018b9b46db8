"""Pictures of the dashboards as they show real nights.

Plays `tipoff demo`, puts its metrics and what the recording rules make of them into a real Prometheus, and draws each
dashboard with Grafana's own components in Chromium. Nothing here judges the queries, except that a panel that must
have data has some.
Usage: dashboards.py TIPOFF FOLDER TARGET; NIGHT and SEASON in the environment take recorded metrics instead of playing.
"""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from pictures import FLAGS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The dashboard, the play whose end it shows, and the size of its picture in pixels.
BOARDS = [("tonight", "night", 1440, 1815), ("season", "season", 1440, 1020), ("service", "night", 1440, 1930)]
PLAYS = {"night": ["--night", "2026-01-11"], "season": ["--season"]}
LENGTHS = {"m": 60, "h": 3600, "d": 86400}
START_SECONDS_MAX = 120
# Recorded for the last two days only: no dashboard draws a recorded series over a longer time.
RECORDED_SECONDS = 2 * 86400


def bundle(target):
    """The page, built of Grafana's components; what npm installs is kept for the next time."""
    npm = target / "grafana-pictures"
    npm.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "grafana/package-lock.json").read_bytes()
    if not (npm / "installed").exists() or (npm / "installed").read_bytes() != wanted:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "grafana" / name, npm)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=npm, check=True)
        (npm / "installed").write_bytes(wanted)
    page = npm / "page"
    page.mkdir(exist_ok=True)
    shutil.copy(HERE / "grafana/index.html", page)
    loaders = [f"--loader:.{kind}=dataurl" for kind in ("svg", "ttf", "woff2")]
    subprocess.run([npm / "node_modules/.bin/esbuild", HERE / "grafana/main.tsx", "--bundle", "--log-level=error",
                    '--define:process.env.NODE_ENV="production"', f"--outfile={page}/main.js", *loaders],
                   env=os.environ | {"NODE_PATH": str(npm / "node_modules")}, check=True)
    return page


def play(tipoff, name, work):
    """The metrics of a play, as OpenMetrics."""
    if os.environ.get(name.upper()):
        return pathlib.Path(os.environ[name.upper()])
    file = work / f"{name}.om"
    subprocess.run([tipoff, "demo", *PLAYS[name], "--exit", "--port", "0", "--data", work / f"{name}-demo", "--metrics", file],
                   check=True, stdout=subprocess.DEVNULL, timeout=1800)
    return file


@contextlib.contextmanager
def prometheus(data, log):
    """A Prometheus over these blocks that scrapes nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (data.parent / "nothing.yml").write_text("{}\n")
    with open(log, "w") as output:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={data.parent}/nothing.yml", f"--storage.tsdb.path={data}",
             "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}"], stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    try:
        give_up_at = time.monotonic() + START_SECONDS_MAX
        while not answers(f"{url}/-/ready"):
            if process.poll() is not None or time.monotonic() > give_up_at:
                sys.exit(f"Prometheus did not start:\n{pathlib.Path(log).read_text()[-2000:]}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def load(metrics, data):
    """Blocks of these metrics and of what the recording rules make of them; says when the first and last sample were."""
    data.mkdir()
    # One block for everything: the file is read once for each.
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=17520h", metrics, data)
    blocks = [json.loads(meta.read_text()) for meta in data.glob("*/meta.json")]
    first, last = min(it["minTime"] for it in blocks) // 1000, (max(it["maxTime"] for it in blocks) - 1) // 1000
    recorded = data.parent / f"{data.name}-recorded"
    with prometheus(data, data.parent / "first.log") as url:
        run("promtool", "tsdb", "create-blocks-from", "rules", f"--start={max(first, last - RECORDED_SECONDS)}", f"--end={last}", f"--url={url}",
            f"--output-dir={recorded}", ROOT / "alerts/rules/recording.yml")
    for block in recorded.iterdir():
        shutil.move(str(block), data)
    return last


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[:4]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextlib.contextmanager
def served(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def seconds(length):
    number, unit = re.fullmatch(r"now-(\d+)([mhd])", length).groups()
    return int(number) * LENGTHS[unit]


def shoot(address, picture, width, height):
    """Photographs a page; says what it wrote on its console."""
    browser = shutil.which("chromium") or sys.exit("Chromium is missing: install Debian's chromium")
    flags = [flag for flag in FLAGS if "scale-factor" not in flag]
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run([browser, *flags, f"--user-data-dir={profile}", f"--window-size={width},{height}", "--enable-logging=stderr",
                               "--virtual-time-budget=300000", f"--screenshot={picture}", address], capture_output=True, text=True, timeout=180)
    return re.findall(r'CONSOLE[^"]*"(.*)", source', done.stderr)


def complaints(board, lines):
    """What is wrong with a dashboard that said this."""
    wrong = [line for line in lines if line.startswith(("FAILED", "Uncaught"))]
    if not any(line.startswith("BOARD") for line in lines):
        wrong.append("it was not drawn to its end")
    empty = {line.removeprefix("PANEL empty: ") for line in lines if line.startswith("PANEL empty: ")}
    for panel in board["panels"]:
        if panel["title"] in empty and "May be empty:" not in panel.get("description", ""):
            wrong.append(f"{panel['title']} has no data")
    return wrong


def main():
    tipoff, folder, target = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    folder.mkdir(parents=True, exist_ok=True)
    page = bundle(target)
    wrong = []
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        ends = {name: load(play(tipoff, name, work), work / name) for name in PLAYS}
        for name, played, width, height in BOARDS:
            board = json.loads((ROOT / f"dashboards/{name}.json").read_text())
            (page / "board.json").write_text(json.dumps(board))
            with prometheus(work / played, work / "second.log") as url, served(page) as pages:
                end = ends[played]
                about = {"prometheus": url, "from": (end - seconds(board["time"]["from"])) * 1000, "to": end * 1000}
                lines = shoot(f"{pages}/index.html?{urllib.parse.urlencode(about)}", folder / f"{name}.png", width, height)
            for line in lines:
                if not line.startswith("PANEL drawn"):
                    print(f"{name}: {line}")
            wrong += [f"{name}: {it}" for it in complaints(board, lines)]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
