/** Names that people read: lines, columns, large numbers. A name of the store's or of a query's is a fault. */
import { formattedValueToString, getFieldDisplayName, type DataFrame, type Field } from '@grafana/data';
import type { Fault } from '../job';
import type { Shown } from '../draw/panel';
import { isEmpty } from '../panel';

/** Labels whose values people gave: they stand in a name as they are. */
const PEOPLE_GAVE = ['device', 'site', 'area', 'gateway', 'channel', 'instance', 'job', 'version', 'client', 'parent'];

interface Named {
  name: string;
  field?: Field;
}

export function nameFaults(shown: Shown): Fault[] {
  const queries = shown.answers.map((answer) => answer.report.text);
  const texts = names(shown).flatMap(({ name, field }) => {
    const why = whatIsWrong(name, field, queries);
    return why ? [`${why}: "${name}"`] : [];
  });
  return [...new Set([...texts, ...rawCells(shown)])].map((text) => ({ kind: 'legend', text }));
}

/** Words of the store in the cells of a table, such as `device_silent`. What people named may look so. */
function rawCells({ panel, frames }: Shown): string[] {
  const columns = panel.type === 'table' ? (frames[0]?.fields ?? []) : [];
  const ofWords = columns.filter(
    (field) => field.type === 'string' && isRead(field, panel.type) && !PEOPLE_GAVE.includes(field.name),
  );
  const texts = ofWords.flatMap((field) =>
    field.values.map((value) => (field.display ? formattedValueToString(field.display(value)) : String(value))),
  );
  return texts
    .filter((text) => /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/.test(text))
    .map((text) => `a word of the store in a cell: "${text}"`);
}

function names({ panel, frames, figures }: Shown): Named[] {
  if (panel.type === 'text') {
    return [];
  }
  if (panel.type === 'stat') {
    const mode = String(panel.options?.textMode ?? 'auto');
    const isNamed = ['name', 'value_and_name'].includes(mode) || (mode === 'auto' && figures.length > 1);
    return isNamed && !isEmpty(frames) ? figures.map(({ display }) => ({ name: display.title ?? '' })) : [];
  }
  const read = panel.type === 'table' ? frames.slice(0, 1) : frames;
  return read.flatMap((frame) =>
    frame.fields.filter((field) => isRead(field, panel.type)).map((field) => namedField(field, frame, frames)),
  );
}

function namedField(field: Field, frame: DataFrame, frames: DataFrame[]): Named {
  return { name: getFieldDisplayName(field, frame, frames), field };
}

function isRead(field: Field, type: string): boolean {
  const custom = (field.config.custom ?? {}) as {
    hideFrom?: { legend?: boolean; tooltip?: boolean; viz?: boolean };
    hidden?: boolean;
  };
  if (type === 'table') {
    return !custom.hidden && !custom.hideFrom?.viz;
  }
  return field.type !== 'time' && !(custom.hideFrom?.legend && custom.hideFrom.tooltip);
}

function whatIsWrong(name: string, field: Field | undefined, queries: string[]): string {
  const own = withoutGiven(name, field);
  if (!name.trim()) {
    return 'a name is empty';
  }
  if (!own.trim()) {
    return '';
  }
  if (queries.includes(name) || /[{}$[\]]|=~|!=|\bSELECT\b|\w\(.*\)/.test(own.replace(/ \([^)]*\)/g, ''))) {
    return 'an expression';
  }
  if (/^(value|time|mean|last|sum|max|min|count)$/i.test(own.trim()) || /^Value #[A-Z]$/.test(own.trim())) {
    return 'the name of a field';
  }
  if (/\b[a-z0-9]+_[a-z0-9_]+\b/i.test(own) || /\b[a-z]+\.[a-z]\w*\b/.test(own)) {
    return 'the name of a field or measurement';
  }
  const isUnnamed = field && !field.config.displayName && !field.config.displayNameFromDS && name === field.name;
  return isUnnamed && /^[a-z][a-z0-9.]*$/.test(name) ? 'the name of a field' : '';
}

function withoutGiven(name: string, field: Field | undefined): string {
  const given = PEOPLE_GAVE.map((label) => field?.labels?.[label] ?? '')
    .filter((value) => value)
    .sort((one, other) => other.length - one.length);
  return given.reduce((rest, value) => rest.split(value).join(' '), name);
}
