/** What Grafana 13 has otherwise than 11. */
import type { DataTransformerInfo, TransformerRegistryItem } from '@grafana/data';
import { TableNG } from '@grafana/ui/unstable';

export const VERSION = '13.2.3';

export function registeredTransformation(info: DataTransformerInfo): TransformerRegistryItem {
  const transformation = () => Promise.resolve(info);
  return { id: info.id, name: info.name, transformation, editor: () => null, imageDark: '', imageLight: '' };
}

export const DrawnTable = TableNG;
