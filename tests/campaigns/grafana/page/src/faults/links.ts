/** Where figures lead: a link whose variables nobody fills in leads nowhere, or to everything. */
import type { Field } from '@grafana/data';
import type { Shown } from '../draw/panel';
import type { DashboardJson, Fault } from '../job';
import { fill, type Scene } from '../scene';

const UNFILLED = /\$\{[^}]*\}|\$__\w+/;
const EMPTY_CHOICE = /[?&](var-\w+)=(?=&|$)/;

export function linkFaults({ frames }: Shown): Fault[] {
  const texts = frames.flatMap((frame) => frame.fields.flatMap(ofField));
  return [...new Set(texts)].map((text) => ({ kind: 'variable', text }));
}

/** The links of the first value that is there. */
function ofField(field: Field): string[] {
  const row = field.values.findIndex((value) => value !== null && value !== undefined && value !== '');
  if (row < 0 || field.type === 'time' || !field.config.links?.length) {
    return [];
  }
  return (field.getLinks?.({ valueRowIndex: row }) ?? []).flatMap(({ title, href }) => {
    const why = whatIsWrong(href);
    return why ? [`the link "${title}": ${why}`] : [];
  });
}

function whatIsWrong(address: string): string {
  const unfilled = UNFILLED.exec(decodeURIComponent(address))?.[0];
  const empty = EMPTY_CHOICE.exec(address)?.[1];
  return unfilled ? `${unfilled} is left` : empty ? `${empty} is empty` : '';
}

export function dashboardLinkFaults(dashboard: DashboardJson, scene: Scene): Fault[] {
  return (dashboard.links ?? []).flatMap(({ title, url }) =>
    fill(scene.root, `${title} ${url ?? ''}`).left.map((left): Fault => ({
      kind: 'variable',
      text: `${left} in the link "${title}"`,
    })),
  );
}
