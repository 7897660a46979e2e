/**
 * Fills the registries that Grafana's application fills at its start: transformations, and the options that a field may have.
 *
 * The panels' own options (`custom.*`) belong to their plugins, which are not published: the table below names those that the
 * documentation of each panel type names. An option that is in no table is dropped by Grafana as well.
 */
import {
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
  type DataTransformerInfo,
  type FieldConfigPropertyItem,
} from '@grafana/data';
import { registeredTransformation } from 'compat';

type Process = FieldConfigPropertyItem['process'];

const STANDARD: Record<string, Process> = {
  unit: unitOverrideProcessor as Process,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  fieldMinMax: identityOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  actions: identityOverrideProcessor,
  color: identityOverrideProcessor,
  filterable: identityOverrideProcessor,
};

const AXES = [
  'axisBorderShow',
  'axisCenteredZero',
  'axisColorMode',
  'axisGridShow',
  'axisLabel',
  'axisPlacement',
  'axisSoftMax',
  'axisSoftMin',
  'axisWidth',
  'scaleDistribution',
];
const HIDE = ['hideFrom'];

/** The documented field options of each panel type. */
const CUSTOM: Record<string, string[]> = {
  timeseries: [
    ...AXES,
    ...HIDE,
    'barAlignment',
    'barMaxWidth',
    'barWidthFactor',
    'drawStyle',
    'fillBelowTo',
    'fillColor',
    'fillOpacity',
    'gradientMode',
    'insertNulls',
    'lineColor',
    'lineInterpolation',
    'lineStyle',
    'lineWidth',
    'pointColor',
    'pointSize',
    'pointSymbol',
    'showPoints',
    'showValues',
    'spanNulls',
    'stacking',
    'thresholdsStyle',
    'transform',
  ],
  barchart: [...AXES, ...HIDE, 'fillOpacity', 'gradientMode', 'lineWidth', 'thresholdsStyle'],
  'state-timeline': [...HIDE, 'axisPlacement', 'fillOpacity', 'insertNulls', 'lineWidth', 'spanNulls'],
  xychart: [
    ...AXES,
    ...HIDE,
    'fillOpacity',
    'lineColor',
    'lineStyle',
    'lineWidth',
    'pointShape',
    'pointSize',
    'pointStrokeWidth',
    'show',
  ],
  geomap: HIDE,
  stat: [],
  gauge: ['neutral'],
  bargauge: [],
  table: [
    'align',
    'cellOptions',
    'displayMode',
    'filterable',
    'footer',
    'hidden',
    'hideFrom',
    'inspect',
    'minWidth',
    'tooltip',
    'width',
    'wrapHeaderText',
    'wrapText',
  ],
  text: [],
};

export function isKnownPanelType(type: string): boolean {
  return type in CUSTOM;
}

function item(id: string, path: string, process: Process, isCustom: boolean): FieldConfigPropertyItem {
  const nothing = () => null;
  return { id, path, name: id, isCustom, editor: nothing, override: nothing, process, shouldApply: () => true };
}

export function fieldOptions(type: string): FieldConfigOptionsRegistry {
  const own = (CUSTOM[type] ?? []).map((name) => item(`custom.${name}`, name, identityOverrideProcessor, true));
  return new FieldConfigOptionsRegistry(() => [...standardOptions(), ...own]);
}

function standardOptions(): FieldConfigPropertyItem[] {
  return Object.entries(STANDARD).map(([name, process]) => item(name, name, process, false));
}

export function isKnownTransformation(id: string): boolean {
  return standardTransformersRegistry.getIfExists(id) !== undefined;
}

export function fillRegistries(): void {
  standardFieldConfigEditorRegistry.setInit(standardOptions);
  const infos: DataTransformerInfo[] = Object.values(standardTransformers);
  const known = new Map(infos.map((info) => [info.id, info]));
  standardTransformersRegistry.setInit(() => [...known.values()].map(registeredTransformation));
}
