"""What the tests tried and found, as they said it: a table on the screen, and with --write the same table in a document.

    python3 tests/tools/tried.py ROWS.TSV [--write DOCUMENT --run NAME]

A row is name, tried, found, parted by tabs. What is true of them belongs to the tests, the text around to the document.
"""

import argparse
import datetime
import os
import pathlib
import platform

BEGIN, END = "<!-- tried:{run}:begin -->", "<!-- tried:{run}:end -->"
HEAD = ("what", "tried", "found")


def rows_of(file):
    lines = {line for line in file.read_text(encoding="utf-8").splitlines() if line}
    return sorted(tuple(line.split("\t", 2)) for line in lines)


def plain(rows):
    table = [HEAD, *rows]
    name, tried = (max(len(row[column]) for row in table) for column in (0, 1))
    return "\n".join(f"{row[0]:{name}}  {row[1]:{tried}}  {row[2]}" for row in table)


def markdown(rows):
    cells = [HEAD, ("---",) * 3, *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)


def machine():
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")),
        "unknown processor",
    )
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def write(document, run, rows):
    begin, end = BEGIN.format(run=run), END.format(run=run)
    text = document.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise SystemExit(f"{document} has no {begin} and {end}")
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
    document.write_text(f"{before}{begin}\n{machine()}; {day}.\n\n{markdown(rows)}\n{end}{after}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--run", default="normal")
    said = parser.parse_args()
    rows = rows_of(said.rows)
    print(plain(rows))
    if said.write:
        write(said.write, said.run, rows)
        print(f"written to {said.write}")


if __name__ == "__main__":
    main()
