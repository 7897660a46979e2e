/** The page of a dashboard: its head with the variables, rows and panels where Grafana puts them. */
import { createTheme, ThemeContext, type GrafanaTheme2 } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import React from 'react';
import { COLUMNS, pixels, type Laid } from '../layout';
import type { VariableReport } from '../job';
import type { Mark } from '../marks';
import { PanelView, type Shown } from './panel';

interface Props {
  title: string;
  variables: VariableReport[];
  laid: Laid[];
  shown: Map<number, Shown>;
  marks: Mark[];
  theme: GrafanaTheme2;
  zone: string;
  width: number;
}

export const makeTheme = (mode: 'light' | 'dark' = 'light'): GrafanaTheme2 => createTheme({ colors: { mode } });

export function Page({ title, variables, laid, shown, marks, theme, zone, width }: Props): React.JSX.Element {
  const bottom = Math.max(0, ...laid.map(({ grid }) => pixels(grid, width)).map((box) => box.y + box.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div className="head">
        <h1>{title}</h1>
        <div className="choices">
          {variables
            .filter((one) => one.type !== 'datasource')
            .map((one) => (
              <span key={one.name}>
                <label>{one.label}</label>
                <b>{[one.text].flat().join(' + ')}</b>
              </span>
            ))}
        </div>
      </div>
      <div id="panels" style={{ height: bottom + 16 }}>
        {laid.map(({ panel, grid }) => {
          const one = shown.get(panel.id);
          if (panel.type === 'row') {
            const box = pixels({ ...grid, w: COLUMNS }, width);
            const sign = panel.collapsed ? '›' : '⌄';
            return (
              <h2 key={panel.id} className="row" style={{ left: box.x, top: box.y, width: box.w, height: box.h }}>
                {sign} {panel.title} {panel.collapsed ? <small>({panel.panels?.length ?? 0})</small> : null}
              </h2>
            );
          }
          return one ? <PanelView key={panel.id} shown={one} marks={marks} theme={theme} zone={zone} /> : null;
        })}
      </div>
      <PortalContainer />
    </ThemeContext.Provider>
  );
}
