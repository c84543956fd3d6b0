/** How many fell into which class, over time: the darker a cell, the more. */

import type { FunctionComponent } from "preact";

import { useCursor } from "./cursor";
import { shownLabels } from "./scale";
import { useWidth } from "./time-chart";

interface HeatMapProps {
  label: string;
  moments: { label: string; full: string }[];
  /** The classes from the lowest to the highest. */
  classes: string[];
  /** For each moment, how many are in each class. */
  counts: number[][];
}

const LEFT = 72;
const RIGHT = 8;
const ROW = 22;
const BOTTOM = 24;

export const HeatMap: FunctionComponent<HeatMapProps> = ({ label, moments, classes, counts }) => {
  const [box, width] = useWidth();
  const inner = Math.max(0, width - LEFT - RIGHT);
  const step = moments.length ? inner / moments.length : 0;
  const cursor = useCursor(moments.length, (x) => Math.floor((x - LEFT) / (step || 1)));
  const most = Math.max(1, ...counts.flat());
  const height = classes.length * ROW + BOTTOM;
  const y = (index: number): number => (classes.length - 1 - index) * ROW;
  const at = cursor.at;
  const said = at === null ? null : classes.flatMap((name, index) => (counts[at]![index] ? [`${name}: ${counts[at]![index]}`] : []));
  return (
    <div class="chart">
      <p class="legend">
        <span>{at === null ? `Darker is more; the darkest cell has ${most} ${most === 1 ? "call" : "calls"}` : `${moments[at]!.full}: ${said!.join(" · ") || "no calls"}`}</span>
      </p>
      <div ref={box} class="plot" tabIndex={0} role="group" aria-label={`${label}. Arrow keys move the cursor.`} {...cursor.handlers}>
        {width > 0 && (
          <svg width={width} height={height} aria-hidden="true">
            {classes.map((name, index) => (
              <text key={name} class="axis" x={LEFT - 8} y={y(index) + ROW / 2} dy="0.32em" text-anchor="end">
                {name}
              </text>
            ))}
            {counts.map((column, moment) =>
              column.map((value, index) => (
                <rect
                  key={`${moment} ${index}`}
                  class={value ? "heat" : "heat none"}
                  x={LEFT + moment * step + 1}
                  y={y(index) + 1}
                  width={Math.max(1, step - 2)}
                  height={ROW - 2}
                  rx={3}
                  fill-opacity={value ? 0.18 + 0.82 * Math.sqrt(value / most) : 1}
                />
              )),
            )}
            {at !== null && <rect class="outline" x={LEFT + at * step} y={0} width={step} height={classes.length * ROW} rx={4} />}
            {shownLabels(moments.length, Math.floor(inner / 64)).map((index) => (
              <text key={index} class="axis" x={LEFT + step * (index + 0.5)} y={height - 6} text-anchor="middle">
                {moments[index]!.label}
              </text>
            ))}
          </svg>
        )}
        <p class="hidden" aria-live="polite">
          {said && `${moments[at!]!.full}: ${said.join(", ") || "no calls"}`}
        </p>
      </div>
      <div class="hidden">
        <table>
          <caption>{label}</caption>
          <thead>
            <tr>
              <th scope="col">Time, UTC</th>
              {classes.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {moments.map((moment, index) => (
              <tr key={moment.full}>
                <th scope="row">{moment.full}</th>
                {counts[index]!.map((value, row) => (
                  <td key={row}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
};
