/** What a panel type has where its JSON says nothing, after the documentation of each: field options that Grafana fills in. */
import type { FieldConfigJson, PanelJson } from './job';

const DEFAULTS: Record<string, { color: string; custom: Record<string, unknown> }> = {
  timeseries: {
    color: 'palette-classic',
    custom: {
      axisBorderShow: false,
      axisCenteredZero: false,
      axisColorMode: 'text',
      axisGridShow: true,
      axisLabel: '',
      axisPlacement: 'auto',
      barAlignment: 0,
      barWidthFactor: 0.6,
      drawStyle: 'line',
      fillOpacity: 0,
      gradientMode: 'none',
      hideFrom: { legend: false, tooltip: false, viz: false },
      insertNulls: false,
      lineInterpolation: 'linear',
      lineWidth: 1,
      pointSize: 5,
      scaleDistribution: { type: 'linear' },
      showPoints: 'auto',
      spanNulls: false,
      stacking: { mode: 'none', group: 'A' },
      thresholdsStyle: { mode: 'off' },
    },
  },
  table: { color: 'thresholds', custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false } },
};
const OTHERS = { color: 'thresholds', custom: {} };

const THRESHOLDS = {
  mode: 'absolute',
  steps: [
    { value: null, color: 'green' },
    { value: 80, color: 'red' },
  ],
};

export function withDefaults(panel: PanelJson): {
  defaults: FieldConfigJson;
  overrides: NonNullable<PanelJson['fieldConfig']>['overrides'];
} {
  const { color, custom } = DEFAULTS[panel.type] ?? OTHERS;
  const defaults = panel.fieldConfig?.defaults ?? {};
  return {
    defaults: {
      color: { mode: color },
      mappings: [],
      thresholds: THRESHOLDS,
      ...defaults,
      custom: { ...custom, ...defaults.custom },
    },
    overrides: panel.fieldConfig?.overrides ?? [],
  };
}
