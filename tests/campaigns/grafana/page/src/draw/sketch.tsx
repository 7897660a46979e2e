/** A sketch of ours, of what Grafana's published parts cannot draw: maps, xy charts, state timelines. */
import { getFieldDisplayName, type DataFrame, type Field, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import React from 'react';

const EDGE_PX = 8;
const CAPTION_PX = 16;
const ROW_PX = 26;
const NAME_PX = 150;

export interface SketchProps {
  frames: DataFrame[];
  type: string;
  options: Record<string, unknown>;
  range: TimeRange;
  theme: GrafanaTheme2;
  width: number;
  height: number;
}

interface Dot {
  x: number;
  y: number;
  color: string;
}

export interface Layer {
  config?: { style?: { color?: { field?: string; fixed?: string } } };
  location?: { latitude?: string; longitude?: string };
}

export const layersOf = (options: Record<string, unknown>): Layer[] => (options.layers ?? []) as Layer[];

/** A field by its own name or the one that people read. */
export function fieldOf(name: string | undefined, frame: DataFrame | undefined): Field | undefined {
  return name ? frame?.fields.find((field) => field.name === name || getFieldDisplayName(field, frame) === name) : undefined;
}

export const figuresIn = (frame: DataFrame | undefined): Field[] =>
  (frame?.fields ?? []).filter((field) => field.type === 'number');

export function Sketch(props: SketchProps): React.JSX.Element {
  const { type, width, height, theme } = props;
  const inside = type === 'state-timeline' ? strips(props) : dots(type === 'geomap' ? onMap(props) : onPlane(props), props);
  return (
    <svg
      width={width}
      height={height}
      fontFamily={theme.typography.fontFamily}
      fontSize={11}
      fill={theme.colors.text.secondary}
    >
      {inside}
      <text x={EDGE_PX} y={height - 4} fontSize={10}>
        a sketch of ours: {type} is not published
      </text>
    </svg>
  );
}

function onMap({ frames, options, theme }: SketchProps): Dot[] {
  const [frame] = frames;
  return layersOf(options).flatMap(({ config, location }) => {
    const [lat, lon] = [fieldOf(location?.latitude, frame), fieldOf(location?.longitude, frame)];
    const by = fieldOf(config?.style?.color?.field, frame);
    const color = (row: number) => by?.display?.(by.values[row]).color ?? config?.style?.color?.fixed ?? 'green';
    const each = (lat?.values ?? []).map((y: number, row: number) => ({
      x: Number(lon?.values[row]),
      y,
      color: theme.visualization.getColorByName(color(row)),
    }));
    return each.filter((dot) => dot.color !== 'transparent');
  });
}

function onPlane({ frames, theme }: SketchProps): Dot[] {
  return frames.flatMap((frame) => {
    const [x, y] = figuresIn(frame);
    const color = (value: unknown) => theme.visualization.getColorByName(y?.display?.(value).color ?? 'blue');
    return (x?.values ?? []).map((one: number, row: number) => ({
      x: one,
      y: Number(y?.values[row]),
      color: color(y?.values[row]),
    }));
  });
}

function dots(found: Dot[], { width, height }: SketchProps): React.JSX.Element[] {
  const all = found.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const [left, right] = ends(all.map(({ x }) => x));
  const [low, high] = ends(all.map(({ y }) => y));
  const at = (value: number, from: number, to: number, room: number) =>
    EDGE_PX + ((value - from) / (to - from)) * (room - 2 * EDGE_PX);
  const down = height - CAPTION_PX;
  return all.map(({ x, y, color }, key) => (
    <circle key={key} cx={at(x, left, right, width)} cy={down - at(y, low, high, down)} r={5} fill={color} />
  ));
}

function ends(values: number[]): [number, number] {
  const [from, to] = [Math.min(...values), Math.max(...values)];
  return to > from ? [from, to] : [from - 1, from + 1];
}

function strips({ frames, range, theme, width, height }: SketchProps): React.JSX.Element[] {
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const at = (time: number) => NAME_PX + ((Math.max(time, from) - from) / (to - from)) * (width - NAME_PX - EDGE_PX);
  const rows = frames.flatMap((frame) => {
    const times = frame.fields.find((field) => field.type === 'time')?.values ?? [];
    return frame.fields
      .filter((field) => field.type !== 'time')
      .map((field) => ({ field, times, name: getFieldDisplayName(field, frame, frames) }));
  });
  const room = Math.floor((height - CAPTION_PX) / ROW_PX);
  return rows.slice(0, room).map(({ field, times, name }, row) => (
    <g key={row} transform={`translate(0 ${row * ROW_PX})`}>
      <text x={EDGE_PX} y={ROW_PX / 2 + 4}>
        {name}
      </text>
      {times.map((time: number, place: number) => {
        const value = field.values[place];
        const end = at(times[place + 1] ?? to);
        const color = theme.visualization.getColorByName(field.display?.(value).color ?? 'transparent');
        return value === null ? null : (
          <rect key={place} x={at(time)} y={2} width={Math.max(0, end - at(time))} height={ROW_PX - 4} fill={color} />
        );
      })}
    </g>
  ));
}
