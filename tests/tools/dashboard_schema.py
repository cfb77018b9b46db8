"""Checks the dashboards against Grafana's own types: @grafana/schema, read by the TypeScript compiler.

Usage: dashboard_schema.py TARGET [--self-test]; with the latter, faults are planted and each must be found.
What a panel shows is not judged here.
"""

import copy
import json
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BOARDS = HERE.parent.parent / "dashboards"
RAW = "@grafana/schema/dist/types/raw"
PANELS = {"stat": "Stat", "timeseries": "TimeSeries", "table": "Table", "bargauge": "BarGauge"}
WITH_FIELDS = ("timeseries", "table")

HEAD = f"""import type {{ AnnotationQuery, Dashboard, Panel, RowPanel }} from '{RAW}/dashboard/x/types.gen';
""" + "".join(f"import type * as {name} from '{RAW}/composable/{kind}/panelcfg/x/types.gen';\n" for kind, name in PANELS.items()) + """
// JSON has the values of enums as plain text.
type Loose<T> = T extends string ? `${T}` : T extends (infer U)[] ? Loose<U>[] : T extends object ? { [K in keyof T]: Loose<T[K]> } : T;
// What Grafana's Prometheus data source reads of an annotation, beside what every annotation has.
type Annotation = AnnotationQuery & { expr: string; step?: string; titleFormat?: string; textFormat?: string; tagKeys?: string; useValueForTime?: boolean };
type Board = Omit<Dashboard, 'annotations' | 'panels'> & { annotations: { list: Annotation[] } };
// What the Prometheus data source reads of a target.
type Target = { refId: string; datasource: { type: 'prometheus'; uid: string }; expr: string; legendFormat: string; editorMode: 'code'; instant: boolean; range: boolean; format: 'time_series' | 'table' };
"""


def check(name, value, kind):
    return f"export const {name} = {json.dumps(value, indent=1, ensure_ascii=False)} satisfies {kind};\n"


def program(board):
    """A program that only compiles if the dashboard is what Grafana takes."""
    text = HEAD + check("board", {key: it for key, it in board.items() if key != "panels"}, "Loose<Board>")
    for panel in board["panels"]:
        name = f"panel{panel['id']}"
        if panel["type"] == "row":
            text += check(name, panel, "Loose<RowPanel>")
            continue
        if panel["type"] not in PANELS:
            sys.exit(f"{panel['title']}: no types are known here for {panel['type']}")
        of = PANELS[panel["type"]]
        text += check(name, panel, "Loose<Panel>")
        text += check(f"{name}options", panel["options"], f"Loose<Partial<{of}.Options>>")
        text += check(f"{name}targets", panel["targets"], "Target[]")
        if panel["type"] in WITH_FIELDS:
            text += check(f"{name}fields", panel["fieldConfig"]["defaults"]["custom"], f"Loose<Partial<{of}.FieldConfig>>")
    return text


def install(target):
    """The compiler and the types; what npm installs is kept for the next time."""
    folder = target / "grafana-schema"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "schema/package-lock.json").read_bytes()
    marker = folder / "installed"
    if not marker.exists() or marker.read_bytes() != wanted:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "schema" / name, folder)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)
        marker.write_bytes(wanted)
    return folder


def compiled(folder, programs):
    """What the compiler says about these programs, by name; nothing where all is well."""
    for old in folder.glob("*.ts"):
        old.unlink()
    for name, text in programs.items():
        (folder / f"{name}.ts").write_text(text)
    done = subprocess.run(
        [folder / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext",
         "--moduleResolution", "node10", *(f"{name}.ts" for name in programs)], cwd=folder, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    found = {name: [line for line in lines if line.startswith(f"{name}.ts")] for name in programs}
    if done.returncode != 0 and not any(found.values()):
        sys.exit(f"tsc failed:\n{done.stdout}{done.stderr}")
    return found


def first(board, kind):
    return next(panel for panel in board["panels"] if panel["type"] == kind)


FAULTS = {
    "schema-version": lambda board: board.update(schemaVersion="42"),
    "unknown-field": lambda board: board.update(refreshes="30s"),
    "variable-type": lambda board: board["templating"]["list"][0].update(type="datasources"),
    "annotation-field": lambda board: board["annotations"]["list"][0].update(expression="up"),
    "grid": lambda board: board["panels"][0]["gridPos"].pop("w"),
    "color-mode": lambda board: board["panels"][0]["fieldConfig"]["defaults"]["color"].update(mode="threshold"),
    "target-format": lambda board: board["panels"][0]["targets"][0].update(format="matrix"),
    "stat-option": lambda board: first(board, "stat")["options"].update(textMode="values"),
    "series-option": lambda board: first(board, "timeseries")["options"]["tooltip"].update(mode="all"),
    "series-field": lambda board: first(board, "timeseries")["fieldConfig"]["defaults"]["custom"].update(drawStyle="lines"),
    "bars-option": lambda board: first(board, "bargauge")["options"].update(namePlacement="right"),
    "table-option": lambda board: first(board, "table")["options"].update(cellHeight="small"),
}


def main():
    folder = install(pathlib.Path(sys.argv[1]).resolve())
    boards = {path.stem: json.loads(path.read_text()) for path in sorted(BOARDS.glob("*.json"))}
    if "--self-test" in sys.argv:
        programs = {}
        for name, plant in FAULTS.items():
            board = copy.deepcopy(boards["tonight"])
            plant(board)
            programs[name] = program(board)
        missed = [name for name, lines in compiled(folder, programs).items() if not lines]
        if missed:
            sys.exit(f"planted and not found: {missed}")
        print(f"{len(FAULTS)} planted faults were found")
        return
    found = compiled(folder, {name: program(board) for name, board in boards.items()})
    lines = [line for wrong in found.values() for line in wrong]
    if lines or not boards:
        sys.exit("\n".join(lines) or "no dashboards")
    print(f"{len(boards)} dashboards are what Grafana takes")


if __name__ == "__main__":
    main()
