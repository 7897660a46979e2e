/** What the run hands to the page, and what the page reports. */

export interface Source {
  uid: string;
  type: 'influxdb' | 'prometheus';
  name: string;
  /** Path of this server that leads to the database. */
  path: string;
  database?: string;
  /** The data source's own least interval (Prometheus: scrape interval), as its provisioning says. */
  timeInterval?: string;
  /** Further parameters of each query, such as "nocache=1". */
  parameters?: string;
}

export type Choice = string | string[];

export interface Job {
  dashboard: DashboardJson;
  sources: Source[];
  from_ms: number;
  to_ms: number;
  variables: Record<string, Choice>;
  openRows: boolean;
  /** Light unless said otherwise. */
  theme?: 'light' | 'dark';
}

export type FaultKind = 'error' | 'legend' | 'wide' | 'cut' | 'zero' | 'red-nothing' | 'unit' | 'variable';

export interface Fault {
  kind: FaultKind;
  text: string;
}

export interface QueryReport {
  refId: string;
  text: string;
  status: number;
  error: string;
  ms: number;
  series: number;
  rows: number;
}

export interface FieldReport {
  name: string;
  displayName: string;
  unit: string;
  type: string;
  labels: Record<string, string>;
  values: unknown[];
}

export interface FrameReport {
  name: string;
  fields: FieldReport[];
}

export interface PanelReport {
  id: number;
  title: string;
  type: string;
  row: string;
  inSight: boolean;
  queries: QueryReport[];
  frames: FrameReport[];
  noValue: string;
  isEmpty: boolean;
  drawn: 'drawn' | 'values';
  box: Box;
  faults: Fault[];
}

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface VariableReport {
  name: string;
  label: string;
  type: string;
  value: Choice;
  text: Choice;
  options: number;
  queries: QueryReport[];
}

export interface Report {
  title: string;
  version: string;
  seconds: number;
  queries: number;
  variables: VariableReport[];
  panels: PanelReport[];
  annotations: QueryReport[];
  faults: Fault[];
}

/** A dashboard's JSON, as far as the judge reads it. */
export interface DashboardJson {
  title: string;
  uid?: string;
  timezone?: string;
  panels: PanelJson[];
  templating?: { list: VariableJson[] };
  annotations?: { list: AnnotationJson[] };
  links?: Array<{ title: string; url?: string }>;
}

export interface SourceRef {
  type?: string;
  uid?: string;
}

export interface PanelJson {
  id: number;
  type: string;
  title?: string;
  description?: string;
  datasource?: SourceRef | null;
  targets?: TargetJson[];
  gridPos: Box;
  fieldConfig?: { defaults: FieldConfigJson; overrides: OverrideJson[] };
  options?: Record<string, unknown>;
  transformations?: Array<{ id: string; options: unknown; disabled?: boolean }>;
  interval?: string;
  maxDataPoints?: number | null;
  timeFrom?: string;
  timeShift?: string;
  hideTimeOverride?: boolean;
  collapsed?: boolean;
  panels?: PanelJson[];
  transparent?: boolean;
}

export interface FieldConfigJson {
  noValue?: string;
  unit?: string;
  custom?: Record<string, unknown>;
  links?: Array<{ title: string; url: string }>;
  [key: string]: unknown;
}

export interface OverrideJson {
  matcher: { id: string; options?: unknown };
  properties: Array<{ id: string; value?: unknown }>;
}

export interface TargetJson {
  refId: string;
  datasource?: SourceRef | null;
  hide?: boolean;
  [key: string]: unknown;
}

export interface AnnotationJson {
  name: string;
  enable?: boolean;
  datasource?: SourceRef | null;
  [key: string]: unknown;
}

export interface VariableJson {
  type: string;
  name: string;
  label?: string;
  query?: unknown;
  datasource?: SourceRef | null;
  regex?: string;
  sort?: number;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string | null;
  current?: { text?: Choice; value?: Choice };
  options?: Array<{ text: string; value: string }>;
  hide?: number;
}
