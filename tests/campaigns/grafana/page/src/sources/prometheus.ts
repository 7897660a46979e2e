/**
 * Prometheus or VictoriaMetrics, asked by Prometheus's interface. Grafana's own plugin has a licence that this judge may not
 * use, so this is one of our own, after Grafana's documentation: "Prometheus query editor" (legend, format, type, min step,
 * step alignment), "Prometheus template variables" (`label_values`, `query_result`, `$__rate_interval`), and "Global variables"
 * (`$__range`, `$__interval`).
 */
import { createDataFrame, FieldType, rangeUtil, type DataFrame, type MetricFindValue } from '@grafana/data';
import type { Source, TargetJson } from '../job';
import type { Filled } from '../scene';
import { asAlternatives, post, reported, scoped, type Answer, type Question, type Reply } from './asking';

export const SCRAPED_EVERY = '15s';
const MOST_POINTS = 11_000;

interface Row {
  metric: Record<string, string>;
  value?: [number, string];
  values?: Array<[number, string]>;
}

export async function askPrometheus(question: Question): Promise<Answer> {
  const { target, source, range } = question;
  const stepMs = stepOf(question);
  const filled = question.fill(String(target.expr ?? ''), builtIn(question, stepMs), asAlternatives);
  const offsetMs = -new Date(range.to.valueOf()).getTimezoneOffset() * 60_000;
  const aligned = (ms: number) => (Math.floor((ms + offsetMs) / stepMs) * stepMs - offsetMs) / 1000;
  const span = {
    start: String(aligned(range.from.valueOf())),
    end: String(aligned(range.to.valueOf())),
    step: String(stepMs / 1000),
  };
  const reply = target.instant
    ? await post(source, '/api/v1/query', { query: filled.text, time: String(range.to.valueOf() / 1000) })
    : await post(source, '/api/v1/query_range', { query: filled.text, ...span });
  const rows = (reply.body as { data?: { result?: Row[] } } | null)?.data?.result ?? [];
  const legend = question.fill(String(target.legendFormat ?? ''), builtIn(question, stepMs));
  const frames = rows.map((row) => line(row, target, filled.text, legend.text));
  return { report: reported(target.refId, filled.text, reply, frames), frames, left: [...filled.left, ...legend.left] };
}

/** The time between two figures: as many as the panel has room for, but not less than the query's least step. */
function stepOf({ target, source, range, intervalMs }: Question): number {
  const least = String(target.interval || source.timeInterval || SCRAPED_EVERY);
  const safeMs = rangeUtil.roundInterval((range.to.valueOf() - range.from.valueOf()) / MOST_POINTS);
  return Math.max(rangeUtil.intervalToMs(least), intervalMs, safeMs);
}

function builtIn({ target, source, range }: Question, stepMs: number) {
  const scrapedMs = rangeUtil.intervalToMs(String(target.interval || source.timeInterval || SCRAPED_EVERY));
  const rateMs = Math.max(stepMs + scrapedMs, 4 * scrapedMs);
  const rangeMs = range.to.valueOf() - range.from.valueOf();
  return scoped({
    __interval: rangeUtil.secondsToHms(stepMs / 1000),
    __interval_ms: stepMs,
    __rate_interval: rangeUtil.secondsToHms(rateMs / 1000),
    __rate_interval_ms: rateMs,
    __range: `${Math.round(rangeMs / 1000)}s`,
    __range_s: Math.round(rangeMs / 1000),
    __range_ms: rangeMs,
  });
}

function line(row: Row, target: TargetJson, query: string, legend: string): DataFrame {
  const pairs = row.values ?? (row.value ? [row.value] : []);
  const name = named(row.metric, query, legend);
  const values = pairs.map(([, text]) => (Number.isNaN(Number(text)) ? null : Number(text)));
  return createDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, values: pairs.map(([seconds]) => Math.round(seconds * 1000)) },
      { name: 'Value', type: FieldType.number, labels: row.metric, values, config: name ? { displayNameFromDS: name } : {} },
    ],
  });
}

function named(metric: Record<string, string>, query: string, legend: string): string {
  if (legend === '__auto') {
    return Object.keys(metric).length ? '' : query;
  }
  if (legend) {
    return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
  }
  const labels = Object.entries(metric)
    .filter(([label]) => label !== '__name__')
    .map(([label, value]) => `${label}="${value}"`);
  return `${metric.__name__ ?? ''}${labels.length ? `{${labels.join(', ')}}` : ''}` || query;
}

/**
 * Format "table": the series of a query in one frame, a column for each label. Where several queries have an answer, the name
 * of the figures tells which.
 */
export function asTables(answers: Array<{ target: TargetJson; frames: DataFrame[] }>): DataFrame[] {
  const tables = answers.filter(({ target, frames }) => target.format === 'table' && frames.length);
  const table = (target: TargetJson, frames: DataFrame[]) => {
    const rows = frames.flatMap((frame) =>
      Array.from({ length: frame.length }, (_, at) => ({
        time: frame.fields[0]?.values[at],
        labels: frame.fields[1]?.labels ?? {},
        value: frame.fields[1]?.values[at],
      })),
    );
    const labels = [...new Set(frames.flatMap((frame) => Object.keys(frame.fields[1]?.labels ?? {}).sort()))];
    return createDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: rows.map((row) => row.time) },
        ...labels.map((label) => ({
          name: label,
          type: FieldType.string,
          values: rows.map((row) => row.labels[label] ?? null),
        })),
        {
          name: tables.length > 1 ? `Value #${target.refId}` : 'Value',
          type: FieldType.number,
          values: rows.map((row) => row.value),
        },
      ],
    });
  };
  return answers.flatMap(({ target, frames }) =>
    target.format === 'table' ? (frames.length ? [table(target, frames)] : []) : frames,
  );
}

/** `label_values(label)`, `label_values(series, label)`, `query_result(expression)`. */
export async function prometheusValues(
  source: Source,
  query: Filled,
  range: { from: number; to: number },
): Promise<{ values: MetricFindValue[]; answer: Answer }> {
  const span = { start: String(range.from / 1000), end: String(range.to / 1000) };
  const labels = /^label_values\((?:(.+),\s*)?([a-zA-Z_]\w*)\)\s*$/s.exec(query.text);
  const expression = /^query_result\((.+)\)\s*$/s.exec(query.text);
  let reply: Reply;
  let values: string[];
  if (labels) {
    const series: Record<string, string> = labels[1] ? { 'match[]': labels[1].trim() } : {};
    reply = await postForm(source, `/api/v1/label/${labels[2]}/values`, { ...span, ...series });
    values = (reply.body as { data?: string[] } | null)?.data ?? [];
  } else {
    reply = await post(source, '/api/v1/query', { query: expression?.[1] ?? query.text, time: span.end });
    const rows = (reply.body as { data?: { result?: Row[] } } | null)?.data?.result ?? [];
    values = rows.map((row) => `${named(row.metric, '', '')} ${row.value?.[1] ?? ''} ${(row.value?.[0] ?? 0) * 1000}`);
  }
  const report = { ...reported('', query.text, reply, []), rows: values.length };
  return { values: values.map((text) => ({ text })), answer: { report, frames: [], left: query.left } };
}

/** Labels are asked for by GET: Prometheus knows no other way. */
async function postForm(source: Source, path: string, form: Record<string, string>): Promise<Reply> {
  const begun = performance.now();
  const response = await fetch(`${source.path}${path}?${new URLSearchParams(form)}`);
  const text = await response.text();
  const error = response.ok ? '' : text.slice(0, 500);
  return { status: response.status, body: response.ok ? JSON.parse(text) : null, error, ms: performance.now() - begun };
}
