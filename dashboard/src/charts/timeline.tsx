/** Steps over time, fitted to the width however long they took, to choose one of. */

import type { FunctionComponent } from "preact";

import { duration } from "../format";

export interface Span {
  id: string;
  name: string;
  kind: string;
  /** Milliseconds since 1970; `end` is null while it goes on. */
  start: number;
  end: number | null;
  tone: string;
}

interface TimelineProps {
  label: string;
  spans: Span[];
  now: number;
  chosen: string | null;
  onChoose: (id: string) => void;
}

export const Timeline: FunctionComponent<TimelineProps> = ({ label, spans, now, chosen, onChoose }) => {
  const first = Math.min(...spans.map((span) => span.start));
  const last = Math.max(...spans.map((span) => span.end ?? now), first + 1);
  const at = (moment: number): number => ((moment - first) / (last - first)) * 100;
  return (
    <ol class="timeline" aria-label={label}>
      {spans.map((span) => {
        const from = at(span.start);
        const took = (span.end ?? now) - span.start;
        return (
          <li key={span.id}>
            <button type="button" aria-pressed={span.id === chosen} onClick={() => onChoose(span.id)}>
              <span class="timeline-name">
                {span.name} <span class="muted">{span.kind}</span>
              </span>
              <svg width="100%" height="16" aria-hidden="true">
                <rect class="track" width="100%" height="8" y="4" rx="4" />
                <rect class={`fill ${span.tone}`} x={`${from}%`} y="4" width={`${Math.max(0.6, at(span.start + took) - from)}%`} height="8" rx="4" />
              </svg>
              <span class="number">{span.end === null ? "under way" : duration(took)}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
};
