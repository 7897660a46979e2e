/** What stands in place of a chart whose panel type is not published: its values, small, and that it was not drawn. */
import { formattedValueToString, getFieldDisplayName, type DataFrame } from '@grafana/data';
import React from 'react';

const MOST_ROWS = 12;
const MOST_COLUMNS = 8;

export function Values({ frames, type }: { frames: DataFrame[]; type: string }): React.JSX.Element {
  return (
    <div className="values">
      <p>not drawn ({type} is not published); its values:</p>
      {frames.slice(0, MOST_ROWS).map((frame, at) => {
        const fields = frame.fields.slice(0, MOST_COLUMNS);
        return (
          <table key={at}>
            <tbody>
              <tr>{fields.map((field, place) => <th key={place}>{getFieldDisplayName(field, frame, frames)}</th>)}</tr>
              {Array.from({ length: Math.min(frame.length, frames.length > 1 ? 2 : MOST_ROWS) }, (_, row) => (
                <tr key={row}>
                  {fields.map((field, place) => (
                    <td key={place}>{field.display ? formattedValueToString(field.display(field.values[row])) : String(field.values[row])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        );
      })}
    </div>
  );
}
