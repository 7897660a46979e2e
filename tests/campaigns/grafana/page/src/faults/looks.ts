/** Faults in what was drawn: titles, widths, axes, colours. They are measured in the page, not read from the JSON. */
import {
  FieldType,
  formattedValueToString,
  getFieldDisplayName,
  getValueFormats,
  type DataFrame,
  type Field,
  type GrafanaTheme2,
} from '@grafana/data';
import { buildScaleKey } from '@grafana/ui';
import { onCharts } from '../draw/charts';
import type { Shown } from '../draw/panel';
import { isEmpty } from '../panel';
import type { Fault } from '../job';

const LEAST_FONT_PX = 10;
const OWN_UNITS = /^(prefix|suffix|time|si|count|currency|bool):/;

export function lookFaults(shown: Shown, theme: GrafanaTheme2): Fault[] {
  const element = document.getElementById(`panel-${shown.panel.id}`);
  return [
    ...(element
      ? [...cutTitle(element), ...wideTable(element, shown), ...cutNames(element, shown), ...tinyText(element, shown)]
      : []),
    ...falseZero(shown),
    ...redNothing(shown, theme),
    ...unknownUnits(shown),
  ];
}

function cutTitle(element: HTMLElement): Fault[] {
  const title = element.querySelector<HTMLElement>('header h2, [data-testid="header-container"] h2, h2');
  const cut = title && title.scrollWidth > title.clientWidth;
  return cut ? [{ kind: 'cut', text: `the title wants ${title.scrollWidth} px and has ${title.clientWidth}` }] : [];
}

/** What scrolls sideways inside of a table's panel; the tables of 11 and 13 are built of other elements. */
function wideTable(element: HTMLElement, { panel }: Shown): Fault[] {
  if (panel.type !== 'table') {
    return [];
  }
  const scrolls = (one: HTMLElement) =>
    /auto|scroll/.test(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth + 1;
  const wide = [...element.querySelectorAll<HTMLElement>('*')].find(scrolls);
  return wide ? [{ kind: 'wide', text: `the table wants ${wide.scrollWidth} px and has ${wide.clientWidth}` }] : [];
}

/** Heads of columns whose text reaches beyond their cell, on whichever side. */
function cutNames(element: HTMLElement, { panel }: Shown): Fault[] {
  if (panel.type !== 'table') {
    return [];
  }
  const heads = [...element.querySelectorAll<HTMLElement>('[role="columnheader"]')].filter((head) => head.textContent?.trim());
  const cut = heads.filter((head) => {
    const text = document.createRange();
    text.selectNodeContents(firstText(head));
    const [inner, outer] = [text.getBoundingClientRect(), head.getBoundingClientRect()];
    return inner.left < outer.left - 1 || inner.right > outer.right + 1;
  });
  return cut.map((head) => ({ kind: 'cut', text: `the head of the column "${head.textContent}"` }));
}

function firstText(element: HTMLElement): Node {
  return document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode() ?? element;
}

/** Large numbers shrink until they fit: a sentence in a small panel becomes a line that nobody reads. */
function tinyText(element: HTMLElement, { panel }: Shown): Fault[] {
  if (panel.type !== 'stat') {
    return [];
  }
  const texts = [...element.querySelectorAll<HTMLElement>('section *')].filter(
    (one) => one.children.length === 0 && one.textContent?.trim(),
  );
  const tiny = texts.filter((one) => parseFloat(getComputedStyle(one).fontSize) < LEAST_FONT_PX);
  return tiny
    .slice(0, 1)
    .map((one) => ({ kind: 'cut', text: `"${one.textContent}" in letters of ${getComputedStyle(one).fontSize}` }));
}

interface Custom {
  drawStyle?: string;
  stacking?: { mode?: string };
  hideFrom?: { viz?: boolean };
}

/** The axis of bars, and of what is stacked, must hold zero: the drawn scale is asked. */
function falseZero({ panel, frames, plot }: Shown): Fault[] {
  if (panel.type !== 'timeseries' || !plot) {
    return [];
  }
  const fields = onCharts(frames).flatMap((frame) => frame.fields.filter((field) => field.type !== FieldType.time));
  const fromZero = fields.filter((field) => {
    const custom = (field.config.custom ?? {}) as Custom;
    return !custom.hideFrom?.viz && (custom.drawStyle === 'bars' || (custom.stacking?.mode ?? 'none') !== 'none');
  });
  const keys = new Set(fromZero.map((field) => buildScaleKey(field.config as never, field.type)));
  const scales = Object.entries(plot.scales).filter(([key]) => keys.has(key));
  const isAway = ([, { min, max }]: [string, { min?: number; max?: number }]) =>
    min !== undefined && max !== undefined && min !== null && max !== null && (min > 0 || max < 0);
  return scales
    .filter(isAway)
    .map(([, { min, max }]) => ({ kind: 'zero', text: `bars or stacks on an axis from ${min} to ${max}` }));
}

/** Is this the red of trouble? */
export function isRed(color: string | undefined, theme: GrafanaTheme2): boolean {
  const hex = /^#([0-9a-f]{6})/i.exec(theme.visualization.getColorByName(color ?? ''))?.[1];
  if (!hex) {
    return false;
  }
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const high = Math.max(red, green, blue);
  const spread = high - Math.min(red, green, blue);
  const hue = spread ? (((green - blue) / spread) * 60 + 360) % 360 : 180;
  return red === high && spread / high > 0.35 && (hue <= 18 || hue >= 335);
}

function redNothing({ panel, frames, figures }: Shown, theme: GrafanaTheme2): Fault[] {
  if (panel.type === 'stat') {
    const isColored = (panel.options?.colorMode ?? 'value') !== 'none';
    const isNumber = (text: unknown) => String(text ?? '').trim() !== '' && !Number.isNaN(Number(text));
    const isUnanswered = isEmpty(frames) && !isNumber(panel.fieldConfig?.defaults.noValue);
    const missing = figures.filter(
      ({ display }) => (isUnanswered || isMissing(display.numeric)) && isRed(display.color, theme),
    );
    return isColored
      ? missing.map(({ display }) => ({
          kind: 'red-nothing',
          text: `"${formattedValueToString(display)}" in ${display.color}`,
        }))
      : [];
  }
  const colored = panel.type === 'table' ? frames.slice(0, 1) : panel.type === 'state-timeline' ? frames : [];
  return colored.flatMap((frame) =>
    frame.fields.filter((field) => isColored(field, panel.type)).flatMap((field) => redCell(field, frame, frames, theme)),
  );
}

function isMissing(value: number | null | undefined): boolean {
  return value === null || value === undefined || Number.isNaN(value);
}

function isColored(field: Field, type: string): boolean {
  const cell = (field.config.custom as { cellOptions?: { type?: string } } | undefined)?.cellOptions?.type ?? 'auto';
  return type !== 'table' || cell.startsWith('color');
}

function redCell(field: Field, frame: DataFrame, frames: DataFrame[], theme: GrafanaTheme2): Fault[] {
  const isNothing = field.values.some((value) => value === null || value === undefined || value === '');
  const display = field.type !== FieldType.time && isNothing ? field.display?.(null) : undefined;
  const isRedText = display && isRed(display.color, theme) && (formattedValueToString(display).trim() || true);
  return isRedText
    ? [{ kind: 'red-nothing', text: `missing values of "${getFieldDisplayName(field, frame, frames)}" in ${display.color}` }]
    : [];
}

const KNOWN_UNITS = new Set(getValueFormats().flatMap((group) => group.submenu.map((one) => one.value)));

function unknownUnits({ panel, frames }: Shown): Fault[] {
  const wanted = [
    panel.fieldConfig?.defaults.unit,
    ...(panel.fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.filter(({ id }) => id === 'unit').map(({ value }) => value),
    ),
    ...frames.flatMap((frame) => frame.fields.map((field) => field.config.unit)),
  ];
  const unknown = new Set(wanted.filter((unit) => unit && !KNOWN_UNITS.has(String(unit)) && !OWN_UNITS.test(String(unit))));
  return [...unknown].map((unit) => ({ kind: 'unit', text: String(unit) }));
}
