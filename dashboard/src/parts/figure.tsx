/** One figure: what it is, how much, and against the period before. */

import type { FunctionComponent } from "preact";

interface FigureProps {
  label: string;
  value: string | undefined;
  /** What stands below: a comparison, or what the figure consists of. */
  note?: string | undefined;
  isOld?: boolean | undefined;
}

export const Figure: FunctionComponent<FigureProps> = ({ label, value, note, isOld }) => (
  <div class={`card figure span-3 ${isOld ? "old" : ""}`} data-figure={label}>
    <h2>{label}</h2>
    <p class="value">{value ?? "–"}</p>
    <p class="muted">{note ?? " "}</p>
  </div>
);
