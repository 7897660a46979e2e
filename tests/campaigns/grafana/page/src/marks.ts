/** Marks over time (annotations): asked once a page, and drawn as lines on all charts. How they look is ours, not Grafana's. */
import type { GrafanaTheme2 } from '@grafana/data';
import type uPlot from 'uplot';
import type { Job, QueryReport } from './job';
import { answered, type Circumstances } from './panel';
import type { Scene } from './scene';

const WIDTH_PX = 1000;

export interface Mark {
  time: number;
  color: string;
}

export interface Marked {
  report: QueryReport;
  marks: Mark[];
}

/** Annotations are asked with the time and the interval of the whole page. */
export async function marksOf(job: Job, scene: Scene, around: Circumstances): Promise<Marked[]> {
  const wanted = (job.dashboard.annotations?.list ?? []).filter((one) => one.enable !== false && (one.query ?? one.expr));
  return Promise.all(
    wanted.map(async (one) => {
      const panel = { id: -1, type: 'annotations', gridPos: { x: 0, y: 0, w: 0, h: 0 }, datasource: one.datasource ?? null };
      const target = {
        ...one,
        refId: one.name,
        resultFormat: 'table',
        format: 'time_series',
        legendFormat: '',
        interval: String(one.step ?? ''),
      };
      const { answers, faults, frames } = await answered(
        { ...panel, targets: [target] },
        scene.placeOf(panel),
        WIDTH_PX,
        around,
      );
      const left = faults
        .filter(({ kind }) => kind === 'variable')
        .map(({ text }) => text)
        .join(', ');
      const nobody = { refId: one.name, text: '', status: 0, error: 'no data source', ms: 0, series: 0, rows: 0 };
      const report = answers[0]?.report ?? nobody;
      const times = frames.flatMap((frame) =>
        frame.fields.filter(({ type }) => type === 'time').flatMap(({ values }) => [...values] as number[]),
      );
      const color = String(one.iconColor ?? 'red');
      return {
        report: { ...report, error: report.error || left },
        marks: [...new Set(times)].map((time) => ({ time, color })),
      };
    }),
  );
}

export function drawMarks(plot: uPlot, marks: Mark[], theme: GrafanaTheme2): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([5, 5]);
  for (const { time, color } of marks) {
    const x = Math.round(plot.valToPos(time, 'x', true));
    if (x >= bbox.left && x <= bbox.left + bbox.width) {
      ctx.strokeStyle = theme.visualization.getColorByName(color);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
  }
  ctx.restore();
}
