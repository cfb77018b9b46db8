// Asks Prometheus for the panels of a dashboard, in the shape in which Grafana's data source hands it to them.
// What a panel looks like belongs to panels.tsx.
import { DataFrame, FieldType, TimeRange, createDataFrame } from '@grafana/data';

const parameters = new URLSearchParams(location.search);
const server = parameters.get('prometheus')!;
export const from = Number(parameters.get('from'));
export const to = Number(parameters.get('to'));
export type Values = Record<string, string>;

async function ask(path: string, fields: Record<string, string>): Promise<any> {
  const response = await fetch(`${server}/api/v1/${path}?${new URLSearchParams(fields)}`);
  const answer = await response.json();
  if (answer.status !== 'success') throw new Error(`${answer.error}: ${JSON.stringify(fields)}`);
  return answer.data;
}

// Puts the values of the variables into a text; what is not known stays, for the panels have variables of their own.
export function fill(text: string, values: Values): string {
  return text.replace(/\$\{(\w+)\}|\$(\w+)/g, (whole, braced, bare) => values[braced ?? bare] ?? whole);
}

// The value of each variable: "All" where there is such a thing, else the first that the server knows.
export async function variables(list: any[]): Promise<Values> {
  const values: Values = {};
  for (const variable of list) {
    if (variable.type === 'custom') values[variable.name] = variable.current.value;
    if (variable.type !== 'query') continue;
    const [, selector, label] = /^label_values\((.*), *(\w+)\)$/.exec(variable.query.query)!;
    const range = { start: String(from / 1000), end: String(to / 1000) };
    const known = await ask(`label/${label}/values`, { 'match[]': fill(selector, values), ...range });
    if (known.length === 0) throw new Error(`no value for the variable ${variable.name}`);
    values[variable.name] = variable.includeAll ? variable.allValue : known[0];
  }
  return values;
}

function legend(format: string, labels: Values): string {
  if (format !== '__auto') return format.replace(/{{\s*(\w+)\s*}}/g, (_, name) => labels[name] ?? '');
  return Object.values(labels).join(', ') || 'Value';
}

// What has no value is a gap.
function number(text: string): number | null {
  const value = text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
  return Number.isNaN(value) ? null : value;
}

// One frame with a column a label, as for `format: table`.
function table(result: any[], refId: string, several: boolean): DataFrame {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  return createDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((series) => series.value[0] * 1000) },
      ...labels.map((name) => ({ name, type: FieldType.string, values: result.map((series) => series.metric[name] ?? '') })),
      { name: several ? `Value #${refId}` : 'Value', type: FieldType.number, values: result.map((series) => number(series.value[1])) },
    ],
  });
}

// One frame a series; a range is filled up with nulls so that a gap is seen.
function series(result: any[], target: any, times: number[] | undefined): DataFrame[] {
  return result.map((one) => {
    const points: Map<number, number | null> = new Map((one.values ?? [one.value]).map(([at, value]: [number, string]) => [at * 1000, number(value)]));
    const at = times ?? [...points.keys()];
    const name = legend(target.legendFormat, one.metric);
    return createDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: at },
        { name: 'Value', type: FieldType.number, labels: one.metric, values: at.map((time) => points.get(time) ?? null), config: { displayNameFromDS: name } },
      ],
    });
  });
}

export async function frames(panel: any, values: Values, width: number): Promise<DataFrame[]> {
  // At least the interval of the recorded samples, as a data source is set up to do.
  const step = Math.max(60, Math.ceil((to - from) / 1000 / Math.max(width, 100)));
  const all = { ...values, __rate_interval: `${Math.max(step + 60, 240)}s` };
  const answers = panel.targets.map(async (target: any) => {
    const query = fill(target.expr, all);
    if (target.instant) {
      const { result } = await ask('query', { query, time: String(to / 1000) });
      return target.format === 'table' ? [table(result, target.refId, panel.targets.length > 1)] : series(result, target, undefined);
    }
    const start = Math.ceil(from / 1000 / step) * step;
    const { result } = await ask('query_range', { query, start: String(start), end: String(to / 1000), step: String(step) });
    const times = Array.from({ length: Math.floor((to / 1000 - start) / step) + 1 }, (_, index) => (start + index * step) * 1000);
    return series(result, target, times);
  });
  return (await Promise.all(answers)).flat();
}

export interface Mark {
  at: number;
  color: string;
}

// When something noteworthy happened; a value may be the instant itself.
export async function marks(list: any[], values: Values): Promise<Mark[]> {
  const found: Mark[] = [];
  for (const one of list.filter((it) => it.enable)) {
    const step = Math.max(60, Math.ceil((to - from) / 1000 / 1000));
    const { result } = await ask('query_range', { query: fill(one.expr, values), start: String(from / 1000), end: String(to / 1000), step: String(step) });
    for (const row of result) {
      let last = -Infinity;
      for (const [at, value] of row.values as [number, string][]) {
        const instant = one.useValueForTime ? Number(value) : at * 1000;
        if (instant - last > step * 1000 && instant >= from && instant <= to) found.push({ at: instant, color: one.iconColor });
        last = instant;
      }
    }
  }
  return found;
}

export function timeRange(dateTime: (at: number) => any): TimeRange {
  const range = { from: dateTime(from), to: dateTime(to) };
  return { ...range, raw: range };
}
