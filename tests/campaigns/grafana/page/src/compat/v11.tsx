/** What Grafana 11 has otherwise than 13: transformations that are there at once, and the older table. */
import type { DataTransformerInfo, TransformerRegistryItem } from '@grafana/data';
import { Table } from '@grafana/ui';
import type { ComponentProps, JSX } from 'react';

export const VERSION = '11.6.16';

export function registeredTransformation(info: DataTransformerInfo): TransformerRegistryItem<unknown> {
  return { id: info.id, name: info.name, transformation: info, editor: () => null };
}

type Props = Omit<ComponentProps<typeof Table>, 'initialSortBy'> & {
  noHeader?: boolean;
  sortBy?: Array<{ displayName: string; desc?: boolean }>;
  structureRev?: number;
};

export function DrawnTable({ noHeader, sortBy, structureRev: _, ...rest }: Props): JSX.Element {
  return <Table {...rest} showTypeIcons={false} initialSortBy={sortBy ?? []} {...(noHeader ? { noHeader } : {})} />;
}
