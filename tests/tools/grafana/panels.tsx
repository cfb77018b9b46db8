// Draws each type of panel that the dashboards use with Grafana's own components.
// What is asked of Prometheus belongs to queries.ts.
import * as React from 'react';
import {
  DataFrame, FieldConfigOptionsRegistry, FieldType, GrafanaTheme2, TimeRange, VizOrientation, applyFieldOverrides,
  getDisplayValueAlignmentFactors, getFieldDisplayValues, standardTransformers, standardTransformersRegistry, transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, Table, TimeSeries, VizRepeater } from '@grafana/ui';
import { firstValueFrom } from 'rxjs';
import { Mark, Values, fill } from './queries';

standardTransformersRegistry.setInit(() =>
  Object.values(standardTransformers).map((transformation: any) => ({ id: transformation.id, name: transformation.name, transformation, editor: (() => null) as any }))
);

const STANDARD = ['displayName', 'unit', 'min', 'max', 'decimals', 'color', 'thresholds', 'mappings', 'links', 'noValue'];
const CUSTOM = ['width', 'cellOptions', 'lineStyle', 'lineWidth', 'fillOpacity', 'drawStyle', 'showPoints', 'axisPlacement'];
const registry = new FieldConfigOptionsRegistry(() =>
  [...STANDARD.map((path) => ({ path, isCustom: false })), ...CUSTOM.map((path) => ({ path, isCustom: true }))].map(({ path, isCustom }) => ({
    id: isCustom ? `custom.${path}` : path, path, isCustom, name: path, editor: () => null, override: () => null,
    process: (value: any) => value, shouldApply: () => true,
  } as any))
);

export const timeZone = 'America/Los_Angeles';

export async function prepare(panel: any, raw: DataFrame[], values: Values, theme: GrafanaTheme2): Promise<DataFrame[]> {
  const replaceVariables = (text: string) => fill(text, values);
  const steps = panel.transformations ?? [];
  for (const step of steps) if (!standardTransformersRegistry.getIfExists(step.id)) throw new Error(`no transformation ${step.id}`);
  for (const { properties } of panel.fieldConfig.overrides) {
    for (const { id } of properties) if (!registry.getIfExists(id)) throw new Error(`no field option ${id}`);
  }
  const data = steps.length ? await firstValueFrom(transformDataFrame(steps, raw, { interpolate: replaceVariables } as any)) : raw;
  const defaults = { ...panel.fieldConfig.defaults, custom: panel.fieldConfig.defaults.custom ?? {} };
  return applyFieldOverrides({ data, fieldConfig: { ...panel.fieldConfig, defaults }, theme, timeZone, replaceVariables, fieldConfigRegistry: registry } as any);
}

export function isEmpty(data: DataFrame[]): boolean {
  return data.every((frame) => frame.length === 0 || frame.fields.every((field) => field.type === FieldType.time || field.values.every((value) => value === null)));
}

interface Props {
  panel: any;
  data: DataFrame[];
  range: TimeRange;
  marks: Mark[];
  theme: GrafanaTheme2;
  width: number;
  height: number;
}

function display({ panel, data, theme }: Props) {
  return getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables: (text: string) => text, theme, data, sparkline: false, timeZone,
  } as any);
}

// `auto` goes along the longer side, as in the panels.
function direction(name: string, width: number, height: number): VizOrientation {
  if (name !== 'auto') return name as VizOrientation;
  return width > height ? VizOrientation.Vertical : VizOrientation.Horizontal;
}

function Stat(props: Props) {
  const { panel, theme, width, height } = props;
  const { options } = panel;
  return <VizRepeater source={props.data} width={width} height={height} renderCounter={0} itemSpacing={3} autoGrid
    orientation={direction(options.orientation, width, height)} getValues={() => display(props)}
    getAlignmentFactors={(values: any) => getDisplayValueAlignmentFactors(values.map((it: any) => it.display))}
    renderValue={({ value, alignmentFactors, width, height, count }: any) =>
      <BigValue value={value.display} count={count} width={width} height={height} theme={theme} colorMode={options.colorMode} graphMode={options.graphMode}
        justifyMode={options.justifyMode} textMode={options.textMode} alignmentFactors={alignmentFactors} text={options.text} disableWideLayout={!options.wideLayout} />} />;
}

function Bars(props: Props) {
  const { panel, theme, width, height } = props;
  const { options } = panel;
  return <VizRepeater source={props.data} width={width} height={height} renderCounter={0} itemSpacing={10}
    orientation={direction(options.orientation, width, height)} minVizHeight={options.minVizHeight} maxVizHeight={options.maxVizHeight} minVizWidth={options.minVizWidth}
    getValues={() => display(props)} getAlignmentFactors={(values: any) => getDisplayValueAlignmentFactors(values.map((it: any) => it.display))}
    renderValue={({ value, alignmentFactors, orientation, width, height }: any) =>
      <BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} width={width} height={height} orientation={orientation} theme={theme}
        displayMode={options.displayMode} valueDisplayMode={options.valueMode} namePlacement={options.namePlacement} showUnfilled={options.showUnfilled}
        alignmentFactors={alignmentFactors} text={options.text} itemSpacing={10} />} />;
}

function Series({ panel, data, range, marks, theme, width, height }: Props) {
  return <TimeSeries frames={data} width={width} height={height} timeRange={range} timeZone={timeZone} legend={panel.options.legend} options={panel.options}>
    {(config: any) => {
      config.addHook('draw', (plot: any) => {
        for (const { at, color } of marks) {
          const x = plot.valToPos(at, 'x', true);
          plot.ctx.save();
          plot.ctx.strokeStyle = theme.visualization.getColorByName(color);
          plot.ctx.setLineDash([4, 4]);
          plot.ctx.beginPath();
          plot.ctx.moveTo(x, plot.bbox.top);
          plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
          plot.ctx.stroke();
          plot.ctx.restore();
        }
      });
      return null;
    }}
  </TimeSeries>;
}

function Nothing({ panel, width, height }: Props) {
  return <div className="nothing" style={{ width, height }}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
}

export function Body(props: Props) {
  const { panel, data, width, height } = props;
  if (panel.type === 'stat' && !panel.options.reduceOptions.values) return <Stat {...props} />;
  if (isEmpty(data)) return <Nothing {...props} />;
  switch (panel.type) {
    case 'stat': return <Stat {...props} />;
    case 'bargauge': return <Bars {...props} />;
    case 'timeseries': return <Series {...props} />;
    case 'table': return <Table data={data[0]} width={width} height={height} />;
    default: throw new Error(`no panel of the type ${panel.type}`);
  }
}
