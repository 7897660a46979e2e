/** Lines, areas and bars over time, by Grafana's own `TimeSeries`. */
import { FieldType, type DataFrame, type TimeRange } from '@grafana/data';
import { LegendDisplayMode, type VizLegendOptions } from '@grafana/schema';
import { TimeSeries } from '@grafana/ui';
import React from 'react';
import type uPlot from 'uplot';

interface Props {
  frames: DataFrame[];
  width: number;
  height: number;
  range: TimeRange;
  zone: string;
  legend: Partial<VizLegendOptions>;
  onPlot: (plot: uPlot) => void;
}

/** What can stand on a chart: frames with a time and figures; yes and no count as 1 and 0. */
export function onCharts(frames: DataFrame[]): DataFrame[] {
  const figures = (frame: DataFrame) =>
    frame.fields.filter((field) => [FieldType.number, FieldType.boolean, FieldType.enum].includes(field.type));
  return frames
    .filter((frame) => frame.fields.some((field) => field.type === FieldType.time) && figures(frame).length && frame.length)
    .map((frame) => ({
      ...frame,
      fields: frame.fields
        .filter((field) => field.type === FieldType.time || figures(frame).includes(field))
        .map((field) =>
          field.type === FieldType.boolean
            ? {
                ...field,
                type: FieldType.number,
                values: field.values.map((value: boolean | null) => (value === null ? null : Number(value))),
              }
            : field,
        ),
    }));
}

export function Chart({ frames, width, height, range, zone, legend, onPlot }: Props): React.JSX.Element {
  const full: VizLegendOptions = {
    calcs: [],
    displayMode: LegendDisplayMode.List,
    placement: 'bottom',
    showLegend: true,
    ...legend,
  };
  return (
    <TimeSeries frames={frames} width={width} height={height} timeRange={range} timeZone={zone} legend={full} structureRev={1}>
      {(builder) => {
        builder.addHook('draw', onPlot);
        return null;
      }}
    </TimeSeries>
  );
}
