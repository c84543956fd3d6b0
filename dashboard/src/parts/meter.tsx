/** How much of a limit is used, with marks at 80 and 100 %, and how much it is heading for. */

import type { FunctionComponent } from "preact";

import { percent } from "../format";

const WIDEST = 1.25;

export const Meter: FunctionComponent<{ label: string; value: number; limit: number; high: number }> = ({ label, value, limit, high }) => {
  const share = limit ? value / limit : 1;
  const towards = limit ? high / limit : 1;
  const at = (part: number): string => `${(Math.min(part, WIDEST) / WIDEST) * 100}%`;
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "s1";
  return (
    <div class="meter" role="img" aria-label={`${label}: ${percent(share, 0)} used, heading for ${percent(towards, 0)}`}>
      <svg width="100%" height="14" aria-hidden="true">
        <rect class="track" y="3" width="100%" height="8" rx="4" />
        <rect class="towards" y="3" width={at(towards)} height="8" rx="4" />
        <rect class={`fill ${tone}`} y="3" width={at(share)} height="8" rx="4" />
        <line class="mark" x1={at(0.8)} x2={at(0.8)} y1="0" y2="14" />
        <line class="mark limit" x1={at(1)} x2={at(1)} y1="0" y2="14" />
      </svg>
      <span class="meter-text">{percent(share, 0)}</span>
    </div>
  );
};
