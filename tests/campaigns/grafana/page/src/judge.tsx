/** `window.judge(job)`: asks, draws and judges one dashboard, and leaves it drawn in the page. */
import { compat } from './start';
import { flushSync } from 'react-dom';
import { createRoot, type Root } from 'react-dom/client';
import { withDefaults } from './defaults';
import { figuresOf, type FigureOptions } from './draw/figures';
import { makeTheme, Page } from './draw/dashboard';
import { DRAWN_TYPES, type Shown } from './draw/panel';
import { fieldFaults } from './faults/fields';
import { dashboardLinkFaults, linkFaults } from './faults/links';
import { lookFaults } from './faults/looks';
import { nameFaults } from './faults/names';
import type { Fault, Job, PanelReport, Report, VariableReport } from './job';
import { laidOut, pixels, type Laid } from './layout';
import { marksOf } from './marks';
import { answered, frameReports, isEmpty, type Circumstances } from './panel';
import { isKnownPanelType } from './registries';
import { fill, Scene, timeZone } from './scene';
import { Asked, giveSources } from './services';

let root: Root | undefined;

export async function judge(job: Job): Promise<Report> {
  const begun = performance.now();
  const asked = new Asked();
  const scene = new Scene(job);
  giveSources(job.sources, asked, (text, own) => fill(scene.root, text, own).text);
  const faults: Fault[] = (await scene.ready()).map((text) => ({ kind: 'variable', text }));
  faults.push(...dashboardLinkFaults(job.dashboard, scene));
  const theme = makeTheme(job.theme);
  const zone = timeZone(job.dashboard);
  const around = { sources: job.sources, theme, zone };
  const width = document.documentElement.clientWidth;
  const { laid } = laidOut(job.dashboard.panels, job.openRows);
  const [shown, marked] = await Promise.all([panels(laid, scene, width, around), marksOf(job, scene, around)]);
  const annotations = marked.map(({ report }) => report);
  const marks = marked.flatMap((one) => one.marks);
  const variables = variableReports(scene, asked);
  const page = <Page title={job.dashboard.title} {...{ variables, laid, shown, marks, theme, zone, width }} />;
  root ??= createRoot(document.getElementById('dashboard') as HTMLElement);
  root.render(<></>);
  flushSync(() => root?.render(page));
  await drawn();
  const reports = laid.flatMap((one) => {
    const panel = shown.get(one.panel.id);
    return panel ? [report(one, panel, around)] : [];
  });
  const own = variables.flatMap(({ name, queries }) =>
    queries.filter(({ error }) => error).map(({ error }) => `variable ${name}: ${error}`),
  );
  const ofMarks = annotations.filter(({ error }) => error).map(({ refId, error }) => `annotation ${refId}: ${error}`);
  faults.push(...[...own, ...ofMarks].map((text): Fault => ({ kind: 'error', text })));
  return {
    title: job.dashboard.title,
    version: compat.VERSION,
    seconds: (performance.now() - begun) / 1000,
    queries:
      reports.reduce((sum, one) => sum + one.queries.length, 0) +
      annotations.length +
      variables.reduce((sum, one) => sum + one.queries.length, 0),
    variables,
    annotations,
    panels: reports,
    faults,
  };
}

async function panels(laid: Laid[], scene: Scene, width: number, around: Circumstances): Promise<Map<number, Shown>> {
  const wanted = laid.filter(({ panel }) => panel.type !== 'row');
  const found = await Promise.all(
    wanted.map(async ({ panel, grid }): Promise<[number, Shown]> => {
      const box = pixels(grid, width);
      const place = scene.placeOf(panel);
      const one = await answered(panel, place, box.w, around);
      const put = (text: string) => fill(place, text).text;
      const options = (panel.options ?? {}) as Partial<FigureOptions>;
      const figures =
        panel.type === 'stat' ? figuresOf(one.frames, withDefaults(panel), options, around.theme, around.zone, put) : [];
      return [panel.id, { ...one, box, figures }];
    }),
  );
  return new Map(found);
}

function variableReports(scene: Scene, asked: Asked): VariableReport[] {
  return scene.variables.state.variables.map((one) => {
    const { name, type, label } = one.state;
    const many = one.state as { options?: unknown[]; text?: string | string[]; value?: string | string[] };
    const value = many.value ?? String(one.getValue());
    return {
      name,
      type,
      label: label ?? name,
      value,
      text: many.text ?? value,
      options: many.options?.length ?? 0,
      queries: asked.reports(name),
    };
  });
}

/** Wait until fonts are there and two more pictures were painted: tables and plots measure themselves first. */
async function drawn(): Promise<void> {
  await document.fonts.ready;
  for (let count = 0; count < 3; count += 1) {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 60)));
  }
}

function report({ panel, row, inSight }: Laid, shown: Shown, around: Circumstances): PanelReport {
  const isDrawn = DRAWN_TYPES.includes(panel.type);
  const faults = [
    ...shown.faults,
    ...nameFaults(shown),
    ...linkFaults(shown),
    ...fieldFaults(shown),
    ...lookFaults(shown, around.theme),
    ...unread(panel.type, shown),
  ];
  return {
    id: panel.id,
    title: shown.title,
    type: panel.type,
    row,
    inSight,
    queries: shown.answers.map((answer) => answer.report),
    frames: frameReports(shown.frames),
    noValue: panel.fieldConfig?.defaults.noValue ?? '',
    isEmpty: isEmpty(shown.frames),
    drawn: isDrawn ? 'drawn' : 'values',
    box: shown.box,
    faults,
  };
}

/** Types that are not Grafana's, and tables of several frames, of which Grafana shows the first. */
function unread(type: string, { frames }: Shown): Fault[] {
  return [
    ...(isKnownPanelType(type) ? [] : [{ kind: 'error' as const, text: `no panel of type ${type}` }]),
    ...(type === 'table' && frames.length > 1
      ? [{ kind: 'error' as const, text: `a table of ${frames.length} frames shows the first only` }]
      : []),
  ];
}

Object.assign(window, { judge });
