/** Tables, by Grafana's own. */
import type { DataFrame, TimeRange } from '@grafana/data';
import type { TableCellHeight } from '@grafana/schema';
import { DrawnTable } from 'compat';
import React from 'react';

export interface TableOptions {
  showHeader: boolean;
  cellHeight: TableCellHeight;
  sortBy: Array<{ displayName: string; desc?: boolean }>;
  frameIndex: number;
}

interface Props {
  frame: DataFrame;
  options: Partial<TableOptions>;
  width: number;
  height: number;
  range: TimeRange;
}

export function Table({ frame, options, width, height, range }: Props): React.JSX.Element {
  return (
    <DrawnTable
      data={frame}
      width={width}
      height={height}
      noHeader={options.showHeader === false}
      sortBy={options.sortBy ?? []}
      structureRev={1}
      timeRange={range}
      {...(options.cellHeight ? { cellHeight: options.cellHeight } : {})}
    />
  );
}
