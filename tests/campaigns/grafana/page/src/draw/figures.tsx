/** Large numbers, by Grafana's own `BigValue`. */
import {
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  VizOrientation,
  type DataFrame,
  type FieldConfigSource,
  type FieldDisplay,
  type GrafanaTheme2,
  type InterpolateFunction,
  type ReduceDataOptions,
} from '@grafana/data';
import { PercentChangeColorMode, type VizTextDisplayOptions } from '@grafana/schema';
import {
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  VizRepeater,
} from '@grafana/ui';
import React from 'react';

export interface FigureOptions {
  reduceOptions: ReduceDataOptions;
  colorMode: BigValueColorMode;
  graphMode: BigValueGraphMode;
  justifyMode: BigValueJustifyMode;
  textMode: BigValueTextMode;
  orientation: VizOrientation;
  wideLayout: boolean;
  text: VizTextDisplayOptions;
  percentChangeColorMode: PercentChangeColorMode;
}

export function figuresOf(
  frames: DataFrame[],
  fieldConfig: unknown,
  options: Partial<FigureOptions>,
  theme: GrafanaTheme2,
  zone: string,
  replaceVariables: InterpolateFunction,
): FieldDisplay[] {
  const reduceOptions = options.reduceOptions ?? { values: false, calcs: ['lastNotNull'], fields: '' };
  return getFieldDisplayValues({
    fieldConfig: fieldConfig as FieldConfigSource,
    reduceOptions,
    replaceVariables,
    theme,
    data: frames,
    timeZone: zone,
    sparkline: (options.graphMode ?? BigValueGraphMode.Area) !== BigValueGraphMode.None,
  });
}

interface Props {
  figures: FieldDisplay[];
  options: Partial<FigureOptions>;
  width: number;
  height: number;
  theme: GrafanaTheme2;
}

export function Figures({ figures, options, width, height, theme }: Props): React.JSX.Element {
  return (
    <VizRepeater
      getValues={() => figures}
      getAlignmentFactors={(values) => getDisplayValueAlignmentFactors(values)}
      width={width}
      height={height}
      source={figures}
      itemSpacing={3}
      autoGrid
      renderCounter={1}
      orientation={options.orientation ?? VizOrientation.Auto}
      renderValue={({ value, width: each, height: high, alignmentFactors, count }) => (
        <BigValue
          value={value.display}
          count={count}
          {...(value.sparkline ? { sparkline: value.sparkline } : {})}
          colorMode={options.colorMode ?? BigValueColorMode.Value}
          graphMode={options.graphMode ?? BigValueGraphMode.Area}
          justifyMode={options.justifyMode ?? BigValueJustifyMode.Auto}
          textMode={options.textMode ?? BigValueTextMode.Auto}
          alignmentFactors={alignmentFactors}
          {...(options.text ? { text: options.text } : {})}
          width={each}
          height={high}
          theme={theme}
          disableWideLayout={!(options.wideLayout ?? true)}
        />
      )}
    />
  );
}
