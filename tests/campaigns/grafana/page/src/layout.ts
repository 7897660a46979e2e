/** Where panels stand: Grafana's grid of 24 columns, in rows of 30 pixels, moved up as far as there is room. */
import type { Box, PanelJson } from './job';

export const COLUMNS = 24;
export const ROW_PX = 30;
export const GAP_PX = 8;
export const EDGE_PX = 16;

export interface Laid {
  panel: PanelJson;
  row: string;
  inSight: boolean;
  grid: Box;
}

/** The panels in order. Those of closed rows are left out unless rows are opened. */
export function laidOut(panels: PanelJson[], openRows: boolean): { laid: Laid[]; closed: Laid[] } {
  const laid: Laid[] = [];
  const closed: Laid[] = [];
  let row = '';
  let later = 0;
  for (const panel of inOrder(panels)) {
    const moved = (one: PanelJson) => ({ ...one.gridPos, y: one.gridPos.y + later });
    if (panel.type !== 'row') {
      laid.push({ panel, row, inSight: true, grid: moved(panel) });
      continue;
    }
    row = panel.title ?? '';
    laid.push({ panel, row, inSight: true, grid: { ...moved(panel), w: COLUMNS, h: 1 } });
    const inside = panel.collapsed ? inOrder(panel.panels ?? []) : [];
    const top = Math.min(...inside.map((one) => one.gridPos.y));
    const below = (one: PanelJson) => ({ ...one.gridPos, y: panel.gridPos.y + later + 1 + one.gridPos.y - top });
    const held = inside.map((one) => ({ panel: one, row, inSight: false, grid: below(one) }));
    (openRows ? laid : closed).push(...held);
    if (openRows && held.length) {
      later += Math.max(...held.map(({ grid }) => grid.y + grid.h)) - (panel.gridPos.y + later + 1);
    }
  }
  return { laid: movedUp(laid), closed };
}

function inOrder(panels: PanelJson[]): PanelJson[] {
  return [...panels].sort((one, other) => one.gridPos.y - other.gridPos.y || one.gridPos.x - other.gridPos.x);
}

function movedUp(laid: Laid[]): Laid[] {
  const placed: Laid[] = [];
  const bottomAt: number[] = new Array<number>(COLUMNS).fill(0);
  for (const one of laid) {
    const { x, w, h } = one.grid;
    const y = Math.max(...bottomAt.slice(x, x + w));
    bottomAt.fill(y + h, x, x + w);
    placed.push({ ...one, grid: { x, y, w, h } });
  }
  return placed;
}

export function pixels(grid: Box, pageWidth: number): Box {
  const column = (pageWidth - 2 * EDGE_PX - (COLUMNS - 1) * GAP_PX) / COLUMNS;
  const long = (count: number, one: number) => Math.round(count * one + Math.max(0, count - 1) * GAP_PX);
  return {
    x: Math.round(EDGE_PX + grid.x * (column + GAP_PX)),
    y: grid.y * (ROW_PX + GAP_PX),
    w: long(grid.w, column),
    h: long(grid.h, ROW_PX),
  };
}
