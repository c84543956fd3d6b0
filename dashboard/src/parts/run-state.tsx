/** The state of a run, in its colour and always in a word. */

import type { FunctionComponent } from "preact";

import type { Run } from "../api";

export const STATES: Record<Run["status"], string> = {
  queued: "",
  running: "accent",
  waiting: "warn",
  paused: "",
  succeeded: "good",
  failed: "bad",
  cancelled: "",
};

export const RunState: FunctionComponent<{ of: Run["status"] }> = ({ of: status }) => <span class={`badge ${STATES[status]}`}>{status}</span>;
