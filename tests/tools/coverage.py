#!/usr/bin/env python3
"""Fails when a line of a folder was not run by any test, and names the lines.

usage: coverage.py LCOV FOLDER     judge a report of `llvm-cov export -format=lcov`
       coverage.py --self-test     plant uncovered lines and see them found

Test code does not count: items marked #[cfg(test)] and files called tests.rs. Where a line holds several expressions
it counts as run when one of them was: this finds what no test reaches, not what no test checks.
"""

import pathlib
import re
import sys
import tempfile
import unittest

FUNCTION = re.compile(r"^\s*(pub(\([a-z]+\))? )?(const )?fn ", re.MULTILINE)


def executions(lcov):
    """Lines of an lcov report: {absolute path: {line: how often it was run}}."""
    files, current = {}, {}
    for row in lcov.splitlines():
        if row.startswith("SF:"):
            current = files.setdefault(row[3:], {})
        elif row.startswith("DA:"):
            line, count = map(int, row[3:].split(",")[:2])
            current[line] = current.get(line, 0) + count
    return files


def test_lines(text):
    """Lines of #[cfg(test)] items, which rustfmt lets end where they began: at the same indentation."""
    found, indent = set(), None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.lstrip()
        if indent is None and stripped == "#[cfg(test)]":
            indent = line[: len(line) - len(stripped)]
        if indent is not None:
            found.add(number)
            if line in (indent + "}", indent + "};") or line.startswith(indent) and line.endswith(";") \
                    and line[len(indent)] not in " }":
                indent = None
    return found


def judge(lcov, folder):
    """The lines that no test ran, as `path:line: text`; how many lines were looked at; files that are not measured."""
    measured = executions(lcov)
    missed, seen, unknown = [], 0, []
    for path in sorted(folder.rglob("*.rs")):
        if path.name == "tests.rs" or "tests" in path.relative_to(folder).parts[:-1]:
            continue
        text = path.read_text()
        lines, ignored = text.splitlines(), test_lines(text)
        counts = {n: c for n, c in measured.get(str(path.resolve()), {}).items() if n not in ignored}
        seen += len(counts)
        product = "\n".join(line for n, line in enumerate(lines, 1) if n not in ignored)
        if not counts and FUNCTION.search(product):
            unknown.append(f"{path}: has functions, and the report does not know the file")
        missed += [f"{path}:{n}: {lines[n - 1].strip()}" for n in sorted(counts) if counts[n] == 0]
    return missed, seen, unknown


class SelfTest(unittest.TestCase):
    SOURCE = "fn a() {\n    b();\n    c();\n}\n#[cfg(test)]\nmod tests {\n    fn d() {}\n}\nfn e() {}\n"

    def judged(self, rows, source=SOURCE, name="run.rs"):
        with tempfile.TemporaryDirectory() as name_of_folder:
            folder = pathlib.Path(name_of_folder)
            (folder / name).write_text(source)
            report = f"SF:{(folder / name).resolve()}\n" + "\n".join(rows) + "\nend_of_record\n"
            missed, seen, unknown = judge(report, folder)
            return [row.removeprefix(f"{folder}/") for row in missed + unknown], seen

    def test_a_line_that_was_not_run_is_found(self):
        self.assertEqual(self.judged(["DA:1,1", "DA:2,1", "DA:3,0"]), (["run.rs:3: c();"], 3))

    def test_a_line_that_any_binary_ran_is_not_found(self):
        self.assertEqual(self.judged(["DA:3,0", "DA:3,2"]), ([], 1))

    def test_tests_do_not_count_and_what_follows_them_does(self):
        self.assertEqual(self.judged(["DA:1,1", "DA:7,0"]), ([], 1))
        self.assertEqual(self.judged(["DA:1,1", "DA:9,0"]), (["run.rs:9: fn e() {}"], 2))
        source = "#[cfg(test)]\nmod tests;\nfn e() {}\n"
        self.assertEqual(self.judged(["DA:3,0"], source), (["run.rs:3: fn e() {}"], 1))
        self.assertEqual(self.judged(["DA:1,0"], name="tests.rs"), ([], 0))

    def test_a_file_that_the_report_does_not_know_is_found(self):
        self.assertEqual(len(self.judged([], "pub(crate) fn a() {}\n")[0]), 1)
        self.assertEqual(self.judged([], "pub struct A;\n"), ([], 0))


def main(arguments):
    if arguments == ["--self-test"]:
        return unittest.main(argv=["coverage.py"])
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    report, folder = map(pathlib.Path, arguments)
    missed, seen, unknown = judge(report.read_text(), folder)
    for row in missed + unknown:
        print(row)
    if not seen:
        print(f"{folder}: the report holds no line of it")
    print(f"{folder}: {seen - len(missed)} of {seen} lines run by the tests")
    return 1 if missed or unknown or not seen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
