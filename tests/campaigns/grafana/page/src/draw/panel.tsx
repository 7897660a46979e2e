/** One panel, in Grafana's frame, drawn by its type. */
import { LoadingState, rangeUtil, renderTextPanelMarkdown, type FieldDisplay, type GrafanaTheme2 } from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';
import { Icon, PanelChrome } from '@grafana/ui';
import React from 'react';
import type uPlot from 'uplot';
import type { Box, PanelJson } from '../job';
import { drawMarks, type Mark } from '../marks';
import { isEmpty, type Answered } from '../panel';
import { timeOf } from '../scene';
import { Chart, onCharts } from './charts';
import { Figures, type FigureOptions } from './figures';
import { Table, type TableOptions } from './table';
import { Sketch } from './sketch';

/** What a panel shows, with what was seen while it was drawn. */
export interface Shown extends Answered {
  box: Box;
  figures: FieldDisplay[];
  plot?: uPlot;
}

export const DRAWN_TYPES = ['timeseries', 'stat', 'table', 'text'];

interface Props {
  shown: Shown;
  marks: Mark[];
  theme: GrafanaTheme2;
  zone: string;
}

export function PanelView({ shown, marks, theme, zone }: Props): React.JSX.Element {
  const { panel, box, title, faults } = shown;
  const error = faults.find(({ kind }) => kind === 'error');
  const time = ownTime(panel);
  const about = panel.description ? { description: panel.description } : {};
  return (
    <div id={`panel-${panel.id}`} className="panel" style={{ left: box.x, top: box.y, width: box.w, height: box.h }}>
      <PanelChrome
        title={title}
        {...about}
        {...(time ? { titleItems: <OwnTime text={time} /> } : {})}
        width={box.w}
        height={box.h}
        loadingState={error ? LoadingState.Error : LoadingState.Done}
        {...(error ? { statusMessage: error.text } : {})}
        displayMode={panel.transparent ? 'transparent' : 'default'}
        padding={panel.type === 'table' ? 'none' : 'md'}
      >
        {(width, height) => <Inside shown={shown} marks={marks} theme={theme} zone={zone} width={width} height={height} />}
      </PanelChrome>
    </div>
  );
}

/** What Grafana writes beside the title of a panel that shows a time of its own. */
function ownTime(panel: PanelJson): string {
  if (panel.hideTimeOverride || (!panel.timeFrom && !panel.timeShift)) {
    return '';
  }
  const length = panel.timeFrom ? rangeUtil.describeTextRange(panel.timeFrom).display : '';
  return `${length}${panel.timeShift ? ` timeshift -${panel.timeShift}` : ''}`.trim();
}

function OwnTime({ text }: { text: string }): React.JSX.Element {
  return (
    <PanelChrome.TitleItem className="own-time">
      <Icon name="clock-nine" size="sm" /> <span>{text}</span>
    </PanelChrome.TitleItem>
  );
}

function Inside({ shown, marks, theme, zone, width, height }: Props & { width: number; height: number }): React.JSX.Element {
  const { panel, frames, place } = shown;
  const options = panel.options ?? {};
  const range = timeOf(place);
  if (panel.type === 'stat') {
    return (
      <Figures
        figures={shown.figures}
        options={options as Partial<FigureOptions>}
        width={width}
        height={height}
        theme={theme}
      />
    );
  }
  if (panel.type === 'text') {
    return (
      <div className="text" dangerouslySetInnerHTML={{ __html: renderTextPanelMarkdown(String(options.content ?? '')) }} />
    );
  }
  const lines = onCharts(frames);
  const first = frames[0];
  if (panel.type === 'timeseries' ? lines.length === 0 : !first?.fields.length || isEmpty(frames)) {
    return <div className="nothing">{panel.fieldConfig?.defaults.noValue ?? 'No data'}</div>;
  }
  if (panel.type === 'timeseries') {
    const legend = (options.legend ?? {}) as Partial<VizLegendOptions>;
    const onPlot = (plot: uPlot) => {
      shown.plot = plot;
      drawMarks(plot, marks, theme);
    };
    return <Chart frames={lines} width={width} height={height} range={range} zone={zone} legend={legend} onPlot={onPlot} />;
  }
  if (panel.type === 'table' && first) {
    return <Table frame={first} options={options as Partial<TableOptions>} width={width} height={height} range={range} />;
  }
  return <Sketch {...{ frames, options, range, theme, width, height }} type={panel.type} />;
}
