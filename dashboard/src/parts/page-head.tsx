/** The top of every page: what it is, one sentence of what for, over which time, and whether it is live. */

import type { ComponentChildren, FunctionComponent } from "preact";

import { connection } from "../live";
import { RANGES, rangeText, type Range } from "../ranges";
import { setParams } from "../router";

export const PageHead: FunctionComponent<{ title: string; purpose: string; range?: Range; live?: boolean; children?: ComponentChildren }> = ({
  title,
  purpose,
  range,
  live,
  children,
}) => (
  <div class="page-head">
    <div>
      <h1>{title}</h1>
      <p class="muted">{purpose}</p>
    </div>
    <div class="page-tools">
      {children}
      {range && <RangePicker range={range} />}
      {live && <LiveBadge />}
    </div>
  </div>
);

const RangePicker: FunctionComponent<{ range: Range }> = ({ range }) => (
  <div class="range">
    <div class="segments" role="group" aria-label="Range of time">
      {Object.entries(RANGES).map(([name, label]) => (
        <button key={name} type="button" aria-pressed={name === range.name} onClick={() => setParams({ range: name, from: null, to: null, cursor: null })}>
          {label}
        </button>
      ))}
    </div>
    <p class="range-text">{rangeText(range)}</p>
  </div>
);

const WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };

const LiveBadge: FunctionComponent = () => (
  <span class={`badge live ${connection.value}`} role="status">
    {WORDS[connection.value]}
  </span>
);
