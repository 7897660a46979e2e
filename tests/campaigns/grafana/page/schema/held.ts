/**
 * What the file of a dashboard may hold, by the types that Grafana publishes; `schema-N` stands for those of one version.
 *
 * Grafana's schema leaves the options of panels open, since each kind has its own: here a panel has those of its kind, and no others.
 */
import type { Dashboard, FieldConfig, FieldConfigSource, Panel, RowPanel } from 'schema-N';
import type * as BarChart from 'schema-N/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as BarGauge from 'schema-N/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as Gauge from 'schema-N/dist/esm/raw/composable/gauge/panelcfg/x/GaugePanelCfg_types.gen';
import type * as Geomap from 'schema-N/dist/esm/raw/composable/geomap/panelcfg/x/GeomapPanelCfg_types.gen';
import type * as Stat from 'schema-N/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as StateTimeline from 'schema-N/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as Table from 'schema-N/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as Text from 'schema-N/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type * as TimeSeries from 'schema-N/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type * as XYChart from 'schema-N/dist/esm/raw/composable/xychart/panelcfg/x/XYChartPanelCfg_types.gen';
import type { Lacks } from './lacks';

type IsAny<T> = 0 extends 1 & T ? true : false;

/** As JSON has it: an enumeration is one of its values. What has a default may be left out. */
export type Written<T> =
  IsAny<T> extends true ? unknown
  : T extends string ? `${T}`
  : T extends Array<infer One> ? Array<Written<One>>
  : T extends object ? { [Key in keyof T]?: Written<T[Key]> }
  : T;

type Nothing = Record<never, never>;

/** By its first numbers a table says where its points are: Grafana 10 reads the one word for it, 11 the other. */
interface OfPoints {
  mapping?: 'auto';
  seriesMapping?: 'auto';
  dims?: { frame: number };
}

interface Kinds {
  barchart: [BarChart.Options, BarChart.FieldConfig];
  bargauge: [BarGauge.Options, Nothing];
  gauge: [Gauge.Options, Nothing];
  geomap: [Geomap.Options, Nothing];
  stat: [Stat.Options, Nothing];
  'state-timeline': [StateTimeline.Options, StateTimeline.FieldConfig];
  table: [Table.Options, Table.FieldConfig];
  text: [Text.Options, Nothing];
  timeseries: [TimeSeries.Options, TimeSeries.FieldConfig & Lacks];
  xychart: [Omit<XYChart.Options, keyof OfPoints> & OfPoints, XYChart.FieldConfig];
}

type Common = Omit<FieldConfig, 'custom'>;

type Property<Custom> =
  | { [Name in keyof Required<Common>]: { id: Name; value?: Written<Common[Name]> } }[keyof Common]
  | { [Name in keyof Required<Custom> & string]: { id: `custom.${Name}`; value?: Written<Custom[Name]> } }[keyof Custom & string];

interface Fields<Custom> {
  defaults: Written<Common> & { custom?: Written<Custom> };
  overrides: Array<{ matcher: Written<FieldConfigSource['overrides'][number]['matcher']>; properties: Array<Property<Custom>> }>;
}

type OfKind<Kind extends keyof Kinds> = Written<Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'datasource' | 'targets'>> & {
  type: Kind;
  options?: Written<Kinds[Kind][0]>;
  fieldConfig?: Fields<Kinds[Kind][1]>;
  datasource?: { type: string; uid: string } | null;
  targets?: unknown[];
};

type AnyPanel = { [Kind in keyof Kinds]: OfKind<Kind> }[keyof Kinds];
type Row = Omit<Written<RowPanel>, 'panels'> & { type: 'row'; panels: AnyPanel[] };
type Head = Omit<Dashboard, 'panels' | 'id' | 'annotations' | 'templating'>;

/** Queries and variables are each data source's own: what they hold is judged by asking. */
export interface Held extends Written<Head> {
  id: null;
  panels: Array<AnyPanel | Row>;
  annotations: unknown;
  templating: unknown;
}
