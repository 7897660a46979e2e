/** The services that Grafana's application gives to its packages: here only the sources of data, for variables. */
import {
  DataSourceApi,
  type DataSourceInstanceSettings,
  type DataSourceRef,
  type MetricFindValue,
  type ScopedVars,
} from '@grafana/data';
import { setDataSourceSrv, type DataSourceSrv } from '@grafana/runtime';
import { sceneGraph, type SceneObject } from '@grafana/scenes';
import type { QueryReport, Source, SourceRef } from './job';
import { fill } from './scene';
import { influxqlValues } from './sources/influxql';
import { prometheusValues } from './sources/prometheus';
import { asAlternatives, type Answer } from './sources/asking';

/** What was asked for variables: name of the variable → its queries. */
export class Asked {
  readonly answers = new Map<string, Answer[]>();

  add(variable: string, answer: Answer): void {
    const last = this.answers.get(variable) ?? [];
    this.answers.set(variable, [...last, answer]);
  }

  reports(variable: string): QueryReport[] {
    return (this.answers.get(variable) ?? []).map((answer) => answer.report);
  }
}

interface FindOptions {
  scopedVars?: ScopedVars;
  variable?: { name: string };
}

/** A source that answers what a variable asks. Panels are asked without it. */
class VariableSource extends DataSourceApi {
  constructor(
    settings: DataSourceInstanceSettings,
    private readonly source: Source,
    private readonly asked: Asked,
  ) {
    super(settings);
  }

  query(): never {
    throw new Error('Panels are asked by the judge itself.');
  }

  testDatasource(): never {
    throw new Error('Nobody tests a source here.');
  }

  override async metricFindQuery(query: string | { query?: string }, options?: FindOptions): Promise<MetricFindValue[]> {
    const place = options?.scopedVars?.__sceneObject?.value.valueOf() as SceneObject;
    const text = typeof query === 'string' ? query : (query.query ?? '');
    const filled = fill(place, text, {}, asAlternatives);
    const range = sceneGraph.getTimeRange(place).state.value;
    const span = { from: range.from.valueOf(), to: range.to.valueOf() };
    const ask =
      this.source.type === 'influxdb' ? influxqlValues(this.source, filled) : prometheusValues(this.source, filled, span);
    const { values, answer } = await ask;
    this.asked.add(options?.variable?.name ?? '', answer);
    return values;
  }
}

function settingsOf(source: Source): DataSourceInstanceSettings {
  const meta = { id: source.type, name: source.type, metrics: true, info: { logos: { small: '', large: '' } } };
  const settings = {
    id: 1,
    uid: source.uid,
    type: source.type,
    name: source.name,
    meta,
    jsonData: {},
    access: 'proxy',
    readOnly: true,
  };
  return settings as unknown as DataSourceInstanceSettings;
}

export function giveSources(sources: Source[], asked: Asked, filled: (uid: string, own?: ScopedVars) => string): void {
  const found = (ref?: DataSourceRef | string | null, own?: ScopedVars) => {
    const uid = filled((typeof ref === 'string' ? ref : ref?.uid) ?? '', own);
    return sources.find((source) => source.uid === uid || source.name === uid);
  };
  const service = {
    get: async (ref?: DataSourceRef | string | null, own?: ScopedVars) => {
      const source = found(ref, own);
      if (!source) {
        throw new Error(`No data source ${JSON.stringify(ref)}`);
      }
      return new VariableSource(settingsOf(source), source, asked);
    },
    getList: (filters?: { pluginId?: string; type?: string | string[] }) =>
      sources.filter((source) => !filters?.pluginId || source.type === filters.pluginId).map(settingsOf),
    getInstanceSettings: (ref?: DataSourceRef | string | null, own?: ScopedVars) => {
      const source = found(ref, own);
      return source && settingsOf(source);
    },
    reload: async () => undefined,
    registerRuntimeDataSource: () => undefined,
  };
  setDataSourceSrv(service as unknown as DataSourceSrv);
}

export function sourceOf(
  ref: SourceRef | null | undefined,
  sources: Source[],
  filled: (text: string) => string,
): Source | undefined {
  const uid = filled(ref?.uid ?? '');
  return sources.find((source) => source.uid === uid || source.name === uid) ?? (uid ? undefined : sources[0]);
}
