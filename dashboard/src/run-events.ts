/** What happens in a run, read once from the beginning and followed to its end. */

import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { respond } from "./api";
import { events } from "./sse";

export interface RunEvent {
  seq: number;
  attempt: number;
  at: string;
  stepId: string | null;
  type: string;
  [field: string]: unknown;
}

const LAST = ["run.finished", "run.failed", "run.cancelled"];
const RETRY_MS = 1000;

/** The events of a run so far; `onEvent` hears each that is no piece of an answer. */
export function useRunEvents(id: string, onEvent: () => void): Signal<RunEvent[]> {
  const seen = useSignal<RunEvent[]>([]);
  useEffect(() => {
    const leaving = new AbortController();
    let reading: AbortController | null = null;
    const read = async (): Promise<void> => {
      const mine = new AbortController();
      reading = mine;
      leaving.signal.addEventListener("abort", () => mine.abort());
      while (!mine.signal.aborted && !LAST.includes(seen.value.at(-1)?.type ?? "")) {
        try {
          const after = seen.value.at(-1)?.seq ?? 0;
          const response = await respond("GET", `/v1/agents/runs/${encodeURIComponent(id)}/events?after=${after}`, undefined, mine.signal);
          for await (const data of events(response)) {
            const event = JSON.parse(data) as RunEvent;
            seen.value = [...seen.value, event];
            if (event.type !== "step.delta") onEvent();
          }
        } catch {
          // The page itself says what is wrong with the run; here only the next try counts.
        }
        if (!mine.signal.aborted) await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    };
    // A browser opens six connections to one address: tabs that nobody looks at keep none.
    const shown = (): void => {
      if (document.hidden) reading?.abort();
      else if (reading === null || reading.signal.aborted) void read();
    };
    shown();
    document.addEventListener("visibilitychange", shown, { signal: leaving.signal });
    return () => leaving.abort();
  }, [id]);
  return seen;
}

/** What one step's last attempt told: the text of its answer, and what else happened in it. */
export function toldOf(events: RunEvent[], stepId: string): { text: string; rest: RunEvent[] } {
  const own = events.filter((event) => event.stepId === stepId);
  const last = Math.max(0, ...own.map((event) => event.attempt));
  const told = own.filter((event) => event.attempt === last);
  return {
    text: told.map((event) => (event.type === "step.delta" ? String(event["content"] ?? "") : "")).join(""),
    rest: told.filter((event) => event.type !== "step.delta"),
  };
}
