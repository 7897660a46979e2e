/** What the panel types that are not published would look for in vain: the fields that say where a dot stands. */
import { fieldOf, figuresIn, layersOf } from '../draw/sketch';
import type { Shown } from '../draw/panel';
import type { Fault } from '../job';
import { isEmpty } from '../panel';

export function fieldFaults({ panel, frames }: Shown): Fault[] {
  const texts = isEmpty(frames)
    ? []
    : panel.type === 'geomap'
      ? onMap(panel.options ?? {}, frames)
      : panel.type === 'xychart'
        ? onPlane(frames)
        : [];
  return texts.map((text) => ({ kind: 'error', text }));
}

function onMap(options: Record<string, unknown>, [frame]: Shown['frames']): string[] {
  const wanted = layersOf(options).flatMap(({ location }) => [location?.latitude, location?.longitude]);
  const missing = [...new Set(wanted)].filter((name) => name && !fieldOf(name, frame));
  return missing.map((name) => `the map asks for the field "${name}", which is not there`);
}

function onPlane(frames: Shown['frames']): string[] {
  return frames.some((frame) => figuresIn(frame).length >= 2) ? [] : ['an xy chart needs two columns of figures'];
}
