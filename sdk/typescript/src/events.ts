// What streams tell: the pieces of an answer, and what happens in a run.

import type { Exchange } from "./exchange.ts";
import type { Completion, RunError } from "./types.ts";

/** The next piece of an answer's text. */
export interface Delta {
  type: "delta";
  content: string;
}

/** The end of an answer: what it was and what it cost. */
export interface Done extends Omit<Completion, "content" | "requestId"> {
  type: "done";
}

export type StreamEvent = Delta | Done;

export type RunEventType =
  | "run.queued"
  | "run.started"
  | "step.started"
  | "step.delta"
  | "tool.called"
  | "tool.result"
  | "approval.requested"
  | "approval.decided"
  | "step.finished"
  | "budget.warning"
  | "run.paused"
  | "run.resumed"
  | "run.finished"
  | "run.failed"
  | "run.cancelled";

export const LAST_RUN_EVENTS: ReadonlySet<RunEventType> = new Set(["run.finished", "run.failed", "run.cancelled"]);

/** What happened in a run. What a later `attempt` of a step tells replaces what an earlier one told. */
export interface RunEvent {
  /** Its number; the first is 1, and none is left out. */
  seq: number;
  attempt: number;
  at: string;
  runId: string;
  stepId: string | null;
  type: RunEventType;
  kind?: string;
  name?: string;
  /** The next piece of a model's answer, of `step.delta`. */
  content?: string;
  tool?: string;
  arguments?: unknown;
  /** What a tool gave, of `tool.result`. */
  result?: unknown;
  approved?: boolean;
  comment?: string | null;
  expiresAt?: string;
  cost?: number;
  billed?: number;
  budget?: number;
  /** What the run gave, of `run.finished`. */
  output?: unknown;
  /** Why a tool, a step or the run failed. */
  error?: RunError | string | null;
}

/** A server-sent event: its `id`, if it has one, and its data. */
export interface Frame {
  id: string | null;
  data: Record<string, unknown>;
}

/** The server-sent events of an answer, as the platform writes them; comments are skipped. */
export async function* framesOf(exchange: Exchange): AsyncGenerator<Frame, void, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const piece of exchange.pieces()) {
      text += decoder.decode(piece, { stream: true });
      const whole = text.split("\n\n");
      text = whole.pop() ?? "";
      for (const part of whole) {
        const frame = frameIn(part);
        if (frame) yield frame;
      }
    }
  } catch (cause) {
    throw exchange.failure(cause);
  } finally {
    exchange.close();
  }
}

function frameIn(part: string): Frame | null {
  let id: string | null = null;
  const data: string[] = [];
  for (const line of part.split("\n")) {
    const [, name, value] = /^(id|data): ?(.*)$/.exec(line) ?? [];
    if (name === "id") id = value ?? "";
    if (name === "data") data.push(value ?? "");
  }
  return data.length ? { id, data: JSON.parse(data.join("\n")) } : null;
}
