/**
 * Variables and interpolation, by `@grafana/scenes`: its variables ask for their values through the sources of this judge,
 * choose and write them as in Grafana. Each panel is a scene object with its own time range.
 */
import { dateTime, rangeUtil, type ScopedVars, type TimeRange } from '@grafana/data';
import {
  CustomVariable,
  ConstantVariable,
  DataSourceVariable,
  EmbeddedScene,
  IntervalVariable,
  QueryVariable,
  sceneGraph,
  SceneObjectBase,
  SceneTimeRange,
  SceneVariableSet,
  TextBoxVariable,
  type SceneObject,
  type SceneObjectState,
  type SceneVariable,
  type VariableCustomFormatterFn,
} from '@grafana/scenes';
import type { Choice, DashboardJson, Job, PanelJson, VariableJson } from './job';

export const ALL = '$__all';
const VARIABLES_WITHIN_MS = 60_000;

interface PlacesState extends SceneObjectState {
  places: Place[];
}

class Places extends SceneObjectBase<PlacesState> {}

/** Where a text stands: it knows the panel's time range and the dashboard's variables. */
export class Place extends SceneObjectBase<SceneObjectState> {}

export interface Filled {
  text: string;
  /** Variables that nothing was put in for, as they stand in the text. */
  left: string[];
}

export class Scene {
  readonly root: EmbeddedScene;
  readonly variables: SceneVariableSet;
  private readonly places = new Places({ places: [] });

  constructor(private readonly job: Job) {
    const chosen = (json: VariableJson) => job.variables[json.name] ?? json.current?.value;
    const list = (job.dashboard.templating?.list ?? []).map((json) => sceneVariable(json, chosen(json)));
    this.variables = new SceneVariableSet({ variables: list });
    const range = timeRange(job.from_ms, job.to_ms, timeZone(job.dashboard));
    this.root = new EmbeddedScene({ $timeRange: range, $variables: this.variables, body: this.places });
  }

  /** Ask for the values of all variables, those first on which others depend. */
  async ready(): Promise<string[]> {
    this.root.activate();
    const until = performance.now() + VARIABLES_WITHIN_MS;
    const waits = (one: SceneVariable) => this.variables.isVariableLoadingOrWaitingToUpdate(one);
    while (this.variables.state.variables.some(waits) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.variables.state.variables
      .filter((one) => waits(one) || one.state.error)
      .map((one) => `${one.state.name}: ${String(one.state.error ?? 'no values within a minute')}`);
  }

  /** The place of a panel, with the panel's own time. */
  placeOf(panel: PanelJson): Place {
    const { from, to } = panelTime(panel, this.job);
    const place = new Place({ key: `panel-${panel.id}`, $timeRange: timeRange(from, to, timeZone(this.job.dashboard)) });
    this.places.setState({ places: [...this.places.state.places, place] });
    return place;
  }
}

export function timeZone(dashboard: DashboardJson): string {
  return !dashboard.timezone || dashboard.timezone === 'browser' ? 'browser' : dashboard.timezone;
}

export function timeOf(place: SceneObject): TimeRange {
  return sceneGraph.getTimeRange(place).state.value;
}

export function fill(
  place: SceneObject,
  text: string,
  own: ScopedVars = {},
  format?: string | VariableCustomFormatterFn,
): Filled {
  const found: Array<{ match: string; found: boolean; variableName: string; value: string }> = [];
  const filled = sceneGraph.interpolate(place, text, own, format, found);
  return { text: filled, left: found.filter((one) => !one.found && !isGroup(one.variableName)).map((one) => one.match) };
}

/** `$1` is a group of a regular expression. */
function isGroup(name: string): boolean {
  return /^\d+$/.test(name);
}

function timeRange(from: number, to: number, zone: string): SceneTimeRange {
  return new SceneTimeRange({ from: dateTime(from).toISOString(), to: dateTime(to).toISOString(), timeZone: zone });
}

/** A panel may show other hours than the page: the last so many (`timeFrom`), or those so long before (`timeShift`). */
function panelTime(panel: PanelJson, job: Job): { from: number; to: number } {
  const shift = panel.timeShift ? rangeUtil.intervalToMs(panel.timeShift) : 0;
  const length = panel.timeFrom ? rangeUtil.intervalToMs(panel.timeFrom) : job.to_ms - job.from_ms;
  return { from: job.to_ms - shift - length, to: job.to_ms - shift };
}

function chosenValue(json: VariableJson, choice: Choice | undefined): Choice {
  const one = (value: string) => (value === 'All' || value === ALL ? ALL : value);
  const values = choice === undefined ? (json.includeAll ? [ALL] : []) : [choice].flat().map(one);
  return json.multi ? values : (values[0] ?? '');
}

function sceneVariable(json: VariableJson, choice: Choice | undefined): SceneVariable {
  const value = chosenValue(json, choice);
  const text = value === ALL ? 'All' : Array.isArray(value) ? value.map((one) => (one === ALL ? 'All' : one)) : value;
  const common = { name: json.name, label: json.label ?? json.name, value, text };
  const many = {
    isMulti: json.multi ?? false,
    includeAll: json.includeAll ?? false,
    ...(json.allValue ? { allValue: json.allValue } : {}),
  };
  switch (json.type) {
    case 'query':
      return new QueryVariable({
        ...common,
        ...many,
        datasource: json.datasource ?? null,
        query: json.query as string,
        regex: json.regex ?? '',
        sort: json.sort ?? 0,
        refresh: 1,
      });
    case 'custom':
      return new CustomVariable({ ...common, ...many, query: String(json.query ?? '') });
    case 'datasource':
      return new DataSourceVariable({ ...common, ...many, pluginId: String(json.query), regex: json.regex ?? '' });
    case 'textbox':
      return new TextBoxVariable({ ...common, value: String(value), label: common.label });
    case 'constant':
      return new ConstantVariable({ ...common, value: String(json.query ?? '') });
    case 'interval':
      return new IntervalVariable({ ...common, value: String(value), intervals: String(json.query ?? '').split(',') });
    default:
      throw new Error(`No variable of type ${json.type}`);
  }
}
