// Lays a dashboard out as Grafana does and says on the console what became of each panel.
// The panels belong to panels.tsx, the questions to queries.ts.
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { DataFrame, ThemeContext, createTheme, dateTime, dateTimeFormat } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import { Body, isEmpty, prepare, timeZone } from './panels';
import { Values, frames, from, marks, timeRange, to, variables } from './queries';

const theme = createTheme({ colors: { mode: 'dark' } });
const [COLUMN, ROW, SPACE] = [(1440 - 24) / 24, 38, 8];

interface Drawn {
  panel: any;
  data: DataFrame[];
}

function Frame({ panel, data, noted }: Drawn & { noted: any[] }) {
  const { x, y, w, h } = panel.gridPos;
  const [width, height] = [w * COLUMN - SPACE, h * ROW - SPACE];
  const place: React.CSSProperties = { position: 'absolute', left: x * COLUMN, top: y * ROW, width, height };
  if (panel.type === 'row') return <div className="row" style={place}>{panel.title}</div>;
  return <div style={place}>
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(inner: number, tall: number) => <Body panel={panel} data={data} range={timeRange(dateTime)} marks={noted} theme={theme} width={inner} height={tall} />}
    </PanelChrome>
  </div>;
}

function Header({ board, values }: { board: any; values: Values }) {
  const shown = board.templating.list.filter((it: any) => it.hide === 0 && it.type !== 'datasource');
  const text = (it: any) => (it.includeAll ? 'All' : it.type === 'custom' ? it.current.text : values[it.name]);
  const format = (at: number) => dateTimeFormat(at, { timeZone, format: 'YYYY-MM-DD HH:mm' });
  return <header>
    <h1>{board.title}</h1>
    <div className="bar">
      {shown.map((it: any) => <span key={it.name}><label>{it.label}</label><b>{text(it)}</b></span>)}
      <span className="time">{format(from)} to {format(to)}, {timeZone}</span>
    </div>
  </header>;
}

async function draw(panel: any, values: Values): Promise<Drawn> {
  if (panel.type === 'row') return { panel, data: [] };
  const data = await prepare(panel, await frames(panel, values, panel.gridPos.w * COLUMN), values, theme);
  console.log(`PANEL ${isEmpty(data) ? 'empty' : 'drawn'}: ${panel.title}`);
  return { panel, data };
}

async function show() {
  const board = await (await fetch('board.json')).json();
  const values = await variables(board.templating.list);
  const drawn = await Promise.all(board.panels.map((panel: any) => draw(panel, values)));
  const noted = await marks(board.annotations.list, values);
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Header board={board} values={values} />
      <main>{drawn.map((it) => <Frame key={it.panel.id} {...it} noted={noted} />)}</main>
    </ThemeContext.Provider>
  );
  console.log(`BOARD ${board.panels.length} panels, ${noted.length} marks`);
}

show().catch((error) => console.log(`FAILED ${error.stack ?? error}`));
