/** One panel, in Grafana's frame, drawn by its type. */
import { LoadingState, type FieldDisplay, type GrafanaTheme2 } from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';
import { PanelChrome } from '@grafana/ui';
import React from 'react';
import type uPlot from 'uplot';
import type { Box } from '../job';
import { isEmpty, type Answered } from '../panel';
import { timeOf } from '../scene';
import { Chart, onCharts } from './charts';
import { Figures, type FigureOptions } from './figures';
import { Table, type TableOptions } from './table';
import { Values } from './values';

/** What a panel shows, with what was seen while it was drawn. */
export interface Shown extends Answered {
  box: Box;
  figures: FieldDisplay[];
  plot?: uPlot;
}

export const DRAWN_TYPES = ['timeseries', 'stat', 'table', 'text'];

interface Props {
  shown: Shown;
  theme: GrafanaTheme2;
  zone: string;
}

export function PanelView({ shown, theme, zone }: Props): React.JSX.Element {
  const { panel, box, title, faults } = shown;
  const error = faults.find(({ kind }) => kind === 'error');
  const about = panel.description ? { description: panel.description } : {};
  return (
    <div id={`panel-${panel.id}`} className="panel" style={{ left: box.x, top: box.y, width: box.w, height: box.h }}>
      <PanelChrome
        title={title}
        {...about}
        width={box.w}
        height={box.h}
        loadingState={error ? LoadingState.Error : LoadingState.Done}
        {...(error ? { statusMessage: error.text } : {})}
        displayMode={panel.transparent ? 'transparent' : 'default'}
        padding={panel.type === 'table' ? 'none' : 'md'}
      >
        {(width, height) => <Inside shown={shown} theme={theme} zone={zone} width={width} height={height} />}
      </PanelChrome>
    </div>
  );
}

function Inside({ shown, theme, zone, width, height }: Props & { width: number; height: number }): React.JSX.Element {
  const { panel, frames, place } = shown;
  const options = panel.options ?? {};
  const range = timeOf(place);
  if (panel.type === 'stat') {
    return <Figures figures={shown.figures} options={options as Partial<FigureOptions>} width={width} height={height} theme={theme} />;
  }
  if (panel.type === 'text') {
    return <div className="text">{String(options.content ?? '')}</div>;
  }
  const first = frames[0];
  if (!first || isEmpty(frames)) {
    return <div className="nothing">{panel.fieldConfig?.defaults.noValue ?? 'No data'}</div>;
  }
  if (panel.type === 'table') {
    return <Table frame={first} options={options as Partial<TableOptions>} width={width} height={height} range={range} />;
  }
  if (panel.type === 'timeseries') {
    const lines = onCharts(frames);
    const legend = (options.legend ?? {}) as Partial<VizLegendOptions>;
    const onPlot = (plot: uPlot) => {
      shown.plot = plot;
    };
    return <Chart frames={lines} width={width} height={height} range={range} zone={zone} legend={legend} onPlot={onPlot} />;
  }
  return <Values frames={frames} type={panel.type} />;
}
