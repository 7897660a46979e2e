/** What both kinds of data source share: a question, its answer, and the way to the database. */
import type { DataFrame, ScopedVars, TimeRange } from '@grafana/data';
import type { VariableCustomFormatterFn } from '@grafana/scenes';
import type { QueryReport, Source, TargetJson } from '../job';
import type { Filled } from '../scene';

export interface Question {
  target: TargetJson;
  source: Source;
  range: TimeRange;
  interval: string;
  intervalMs: number;
  maxDataPoints: number;
  fill: (text: string, own?: ScopedVars, format?: string | VariableCustomFormatterFn) => Filled;
}

export interface Answer {
  report: QueryReport;
  frames: DataFrame[];
  left: string[];
}

export interface Reply {
  status: number;
  body: unknown;
  error: string;
  ms: number;
}

/** Ask a database by a form; what it says of a fault is the error. */
export async function post(source: Source, path: string, form: Record<string, string>): Promise<Reply> {
  const begun = performance.now();
  const own = Object.fromEntries(new URLSearchParams(source.parameters ?? ''));
  try {
    const response = await fetch(source.path + path, { method: 'POST', body: new URLSearchParams({ ...form, ...own }) });
    const text = await response.text();
    const body = parsed(text);
    const error = response.ok ? '' : errorOf(body) || text.slice(0, 500) || `status ${response.status}`;
    return { status: response.status, body, error, ms: performance.now() - begun };
  } catch (fault) {
    return { status: 0, body: null, error: String(fault), ms: performance.now() - begun };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function errorOf(body: unknown): string {
  const error = (body as { error?: unknown } | null)?.error;
  return typeof error === 'string' ? error : '';
}

export function reported(refId: string, text: string, reply: Reply, frames: DataFrame[]): QueryReport {
  const rows = frames.reduce((sum, frame) => sum + frame.length, 0);
  return { refId, text, status: reply.status, error: reply.error, ms: Math.round(reply.ms), series: frames.length, rows };
}

export const scoped = (values: Record<string, string | number>): ScopedVars =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { text: String(value), value }]));

/** Several values in a query that says nothing of a format: as alternatives of a regular expression. */
export function asAlternatives(value: unknown, variable: { multi?: boolean; includeAll?: boolean }): string {
  const escape = (text: string) => text.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');
  if (!variable.multi && !variable.includeAll) {
    return String(value);
  }
  const values = [value].flat().map(String);
  return values.length === 1 ? escape(values[0] ?? '') : `(${values.map(escape).join('|')})`;
}
