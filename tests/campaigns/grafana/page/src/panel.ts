/** From a panel's JSON to the frames that it shows: asked, transformed, with the options of its fields. */
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  getFieldDisplayName,
  rangeUtil,
  transformDataFrame,
  type DataFrame,
  type GrafanaTheme2,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import { withDefaults } from './defaults';
import type { Fault, FrameReport, PanelJson, Source, TargetJson } from './job';
import { fieldOptions, isKnownTransformation } from './registries';
import { fill, timeOf, type Place } from './scene';
import { sourceOf } from './services';
import type { Answer, Question } from './sources/asking';
import { askInfluxql } from './sources/influxql';
import { askPrometheus, asTables, SCRAPED_EVERY } from './sources/prometheus';

export interface Answered {
  panel: PanelJson;
  place: Place;
  title: string;
  answers: Answer[];
  frames: DataFrame[];
  faults: Fault[];
}

export interface Circumstances {
  sources: Source[];
  theme: GrafanaTheme2;
  zone: string;
}

export async function answered(panel: PanelJson, place: Place, widthPx: number, around: Circumstances): Promise<Answered> {
  const faults: Fault[] = [];
  const title = fill(place, panel.title ?? '');
  const others = fill(place, texts(panel));
  for (const left of new Set([...title.left, ...others.left])) {
    faults.push({ kind: 'variable', text: `${left} in a title, an explanation or a name` });
  }
  const asked = await ask(panel, place, widthPx, around, faults);
  const raw = asTables(asked.map(({ target, answer }) => ({ target, frames: answer.frames })));
  const transformed = await transform(panel, place, raw, faults);
  const frames = withOptions(panel, place, transformed, around);
  return { panel, place, title: title.text, answers: asked.map(({ answer }) => answer), frames, faults };
}

/** Texts of a panel that Grafana fills in beside its title. */
function texts(panel: PanelJson): string {
  const config = panel.fieldConfig;
  const names = (config?.overrides ?? []).flatMap((override) =>
    override.properties.filter(({ id }) => id === 'displayName').map(({ value }) => String(value)),
  );
  const known = /\$\{__(field|value|data|series)[^}]*\}/g;
  return [panel.description ?? '', config?.defaults.noValue ?? '', ...names].join('\n').replace(known, '');
}

async function ask(panel: PanelJson, place: Place, widthPx: number, around: Circumstances, faults: Fault[]) {
  const shown = (panel.targets ?? []).filter((target) => !target.hide);
  const found = await Promise.all(shown.map((target) => askOne(panel, target, place, widthPx, around, faults)));
  return found.flatMap((one) => (one ? [one] : []));
}

async function askOne(
  panel: PanelJson,
  target: TargetJson,
  place: Place,
  widthPx: number,
  around: Circumstances,
  faults: Fault[],
): Promise<{ target: TargetJson; answer: Answer } | undefined> {
  const source = sourceOf(target.datasource ?? panel.datasource, around.sources, (text) => fill(place, text).text);
  if (!source) {
    faults.push({
      kind: 'error',
      text: `${target.refId}: no data source ${JSON.stringify(target.datasource ?? panel.datasource)}`,
    });
    return undefined;
  }
  const range = timeOf(place);
  const maxDataPoints = panel.maxDataPoints ?? Math.floor(widthPx);
  const least =
    fill(place, panel.interval ?? '').text || source.timeInterval || (source.type === 'prometheus' ? SCRAPED_EVERY : undefined);
  const { interval, intervalMs } = rangeUtil.calculateInterval(range, maxDataPoints, least);
  const put: Question['fill'] = (text, own, format) => fill(place, text, own, format);
  const question = { target, source, range, interval, intervalMs, maxDataPoints, fill: put };
  const answer = await (source.type === 'influxdb' ? askInfluxql(question) : askPrometheus(question));
  if (answer.report.error) {
    faults.push({ kind: 'error', text: `${target.refId}: ${answer.report.error}` });
  }
  for (const left of new Set(answer.left)) {
    faults.push({ kind: 'variable', text: `${target.refId}: ${left}` });
  }
  return { target, answer };
}

async function transform(panel: PanelJson, place: Place, frames: DataFrame[], faults: Fault[]): Promise<DataFrame[]> {
  const wanted = (panel.transformations ?? []).filter((one) => !one.disabled);
  for (const { id } of wanted.filter((one) => !isKnownTransformation(one.id))) {
    faults.push({ kind: 'error', text: `the transformation ${id} is not among the published ones` });
  }
  try {
    const interpolate = (text: string) => fill(place, text).text;
    return await lastValueFrom(transformDataFrame(wanted as never, frames, { interpolate }));
  } catch (fault) {
    faults.push({ kind: 'error', text: `transformations: ${String(fault)}` });
    return frames;
  }
}

function withOptions(panel: PanelJson, place: Place, frames: DataFrame[], { theme, zone }: Circumstances): DataFrame[] {
  const applied = applyFieldOverrides({
    data: frames,
    fieldConfig: withDefaults(panel) as never,
    fieldConfigRegistry: fieldOptions(panel.type),
    replaceVariables: (text, own, format) => fill(place, text, own, format as string | undefined).text,
    theme,
    timeZone: zone,
  });
  cacheFieldDisplayNames(applied);
  return applied;
}

export function frameReports(frames: DataFrame[]): FrameReport[] {
  return frames.map((frame) => ({
    name: frame.name ?? '',
    fields: frame.fields.map((field) => ({
      name: field.name,
      displayName: getFieldDisplayName(field, frame, frames),
      unit: field.config.unit ?? '',
      type: field.type,
      labels: field.labels ?? {},
      values: [...field.values],
    })),
  }));
}

/** Nothing but times and missing values. */
export function isEmpty(frames: DataFrame[]): boolean {
  return !frames.some((frame) =>
    frame.fields.some((field) => field.type !== 'time' && field.values.some((value) => value !== null)),
  );
}
