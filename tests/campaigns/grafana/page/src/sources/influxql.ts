/**
 * InfluxDB, asked in InfluxQL. Grafana's own plugin is not published with a licence that this judge may use, so this is one of
 * our own, after Grafana's documentation: "InfluxDB query editor" (alias patterns `$m`, `$measurement`, `$col`, `$tag_x`,
 * `[[tag_x]]`, `$0`; formats time series and table), "InfluxDB template variables" (`$timeFilter`, `$__interval`; SHOW TAG
 * VALUES gives the values of a variable), "Global variables" (`$__range` is for Prometheus and Loki), and
 * "Annotate visualizations".
 * Without an alias a line is called `measurement.column {tag: value}`.
 */
import { createDataFrame, FieldType, type DataFrame, type MetricFindValue } from '@grafana/data';
import type { Source } from '../job';
import type { Filled } from '../scene';
import { asAlternatives, post, reported, scoped, type Answer, type Question, type Reply } from './asking';

interface Series {
  name?: string;
  tags?: Record<string, string>;
  columns: string[];
  values?: unknown[][];
}

export async function askInfluxql(question: Question): Promise<Answer> {
  const { target, source } = question;
  const filled = inserted(String(target.query ?? ''), question);
  const reply = await send(source, filled.text);
  const series = seriesOf(reply);
  const alias = question.fill(String(target.alias ?? '')).text;
  const frames = target.resultFormat === 'table' ? table(series, target.refId) : lines(series, target.refId, alias);
  return { report: reported(target.refId, filled.text, reply, frames), frames, left: filled.left };
}

/** The values of a variable: of a list of tags or fields the last column, of figures each column but the time. */
export async function influxqlValues(source: Source, query: Filled): Promise<{ values: MetricFindValue[]; answer: Answer }> {
  const reply = await send(source, query.text);
  const series = seriesOf(reply);
  const frames = table(series, 'variable');
  const isList = (one: Series) => one.columns[one.columns.length - 1] === 'value';
  const found = series.flatMap((one) =>
    (one.values ?? []).map((row) => row[isList(one) ? row.length - 1 : row.length > 1 ? 1 : 0]),
  );
  const values = [...new Set(found.map(String))].map((text) => ({ text }));
  return { values, answer: { report: reported('', query.text, reply, frames), frames, left: query.left } };
}

async function send(source: Source, text: string): Promise<Reply> {
  const reply = await post(source, '/query', { db: source.database ?? '', epoch: 'ms', q: text });
  const results = (reply.body as { results?: Array<{ error?: string }> } | null)?.results ?? [];
  const error = results.map((result) => result.error ?? '').find((text) => text);
  return error && !reply.error ? { ...reply, error } : reply;
}

function seriesOf(reply: Reply): Series[] {
  const results = (reply.body as { results?: Array<{ series?: Series[] }> } | null)?.results ?? [];
  return results.flatMap((result) => result.series ?? []);
}

/** The reader's choices first, then what the data source itself knows. What is left nobody fills in. */
function inserted(query: string, question: Question): Filled {
  const own = scoped({ __interval: question.interval, __interval_ms: question.intervalMs });
  const { text, left } = question.fill(query, own, asAlternatives);
  const { from, to } = question.range;
  const filter = `time >= ${from.valueOf()}ms and time <= ${to.valueOf()}ms`;
  return { text: text.replace(/\$timeFilter\b/g, filter), left: left.filter((name) => name !== '$timeFilter') };
}

function typeOf(values: unknown[]): FieldType {
  const first = values.find((value) => value !== null && value !== undefined);
  return (
    { number: FieldType.number, boolean: FieldType.boolean, string: FieldType.string }[typeof first as string] ??
    FieldType.number
  );
}

/** A frame for each column of each series. */
function lines(series: Series[], refId: string, alias: string): DataFrame[] {
  return series.flatMap((one) => {
    const rows = one.values ?? [];
    const timeAt = one.columns.indexOf('time');
    const columns = one.columns.map((name, at) => ({ name, at })).filter(({ at }) => at !== timeAt);
    return columns.map(({ name: column, at }) => {
      const name = alias ? aliased(alias, one, column) : unnamed(one, column);
      const values = rows.map((row) => row[at] ?? null);
      const time = { name: 'Time', type: FieldType.time, values: rows.map((row) => row[timeAt]) };
      const value = {
        name: 'Value',
        type: typeOf(values),
        labels: one.tags ?? {},
        values,
        config: { displayNameFromDS: name },
      };
      return createDataFrame({ refId, name, fields: timeAt < 0 ? [value] : [time, value] });
    });
  });
}

function unnamed(series: Series, column: string): string {
  const tags = Object.entries(series.tags ?? {})
    .map(([tag, value]) => `${tag}: ${value}`)
    .join(', ');
  return `${series.name ?? ''}.${column}${tags ? ` {${tags}}` : ''}`;
}

function aliased(alias: string, series: Series, column: string): string {
  const parts = (series.name ?? '').split('.');
  const word = (match: string, name: string) => {
    if (name === 'm' || name === 'measurement') {
      return series.name ?? '';
    }
    if (name === 'col') {
      return column;
    }
    if (/^\d+$/.test(name)) {
      return parts[Number(name)] ?? match;
    }
    return name.startsWith('tag_') ? ((series.tags ?? {})[name.slice('tag_'.length)] ?? match) : match;
  };
  return alias.replace(/\[\[([@/\w-]+)\]\]/g, word).replace(/\$(\w+)/g, word);
}

/** All series in one frame: time, a column for each tag, the columns of figures. */
function table(series: Series[], refId: string): DataFrame[] {
  if (series.length === 0) {
    return [];
  }
  const tags = [...new Set(series.flatMap((one) => Object.keys(one.tags ?? {})))].sort();
  const columns = [...new Set(series.flatMap((one) => one.columns))];
  const rows = series.flatMap((one) => (one.values ?? []).map((row) => ({ one, row })));
  const value = (name: string) => rows.map(({ one, row }) => row[one.columns.indexOf(name)] ?? null);
  const ofTime = columns.includes('time') ? [{ name: 'Time', type: FieldType.time, values: value('time') }] : [];
  const ofTags = tags.map((tag) => ({
    name: tag,
    type: FieldType.string,
    values: rows.map(({ one }) => one.tags?.[tag] ?? null),
  }));
  const figures = columns
    .filter((name) => name !== 'time')
    .map((name) => ({ name, type: typeOf(value(name)), values: value(name) }));
  return [createDataFrame({ refId, name: series[0]?.name ?? '', fields: [...ofTime, ...ofTags, ...figures] })];
}
