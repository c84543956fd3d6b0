/**
 * What changes on the platform, as it happens.
 *
 * A browser opens six connections to one address and no more, so seven tabs with a stream each would
 * hang. One tab leads: it holds a lock, keeps the only stream, and tells the others over a channel.
 * When it closes, the lock passes to another. Where there are no locks (an address that is neither
 * HTTPS nor this machine's) each tab asks from time to time instead.
 */

import { signal } from "@preact/signals";

import { get } from "./api";

export type Kind = "usage" | "settings" | "runs";

export interface Tick {
  at: string;
  newest: string | null;
  activeCalls: number;
}

interface Changed {
  kind: Kind;
  id: string | null;
  seq: number;
}

type Told = { type: "tick"; tick: Tick } | { type: "changed"; changed: Changed };

const PATH = "/v1/live";
const NAME = "headgate-live";
const POLL_MS = 2500;
const RETRY_MS = 2000;
/** A stream ends now and then and is resumed; only a longer silence is worth a word. */
export const SILENCE_MS = 3000;

/** The last tick, and whether ticks come. */
export const tick = signal<Tick | null>(null);
export const connection = signal<"connecting" | "live" | "reconnecting">("connecting");

const listeners = new Set<{ kinds: Kind[]; call: () => void }>();
let lastHeard = 0;
let channel: BroadcastChannel | null = null;

/** Call `call` whenever something of `kinds` has changed; gives what ends that. */
export function onChange(kinds: Kind[], call: () => void): () => void {
  const listener = { kinds, call };
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Begin to listen, until `stop` is aborted. */
export function listenLive(stop: AbortSignal): void {
  const watch = setInterval(judge, 500);
  lastHeard = performance.now();
  connection.value = "connecting";
  const shown = (): void => {
    if (!document.hidden) for (const { call } of listeners) call();
  };
  document.addEventListener("visibilitychange", shown, { signal: stop });
  stop.addEventListener("abort", () => {
    clearInterval(watch);
    channel?.close();
    channel = null;
  });
  if (!("locks" in navigator) || !("BroadcastChannel" in window)) {
    void poll(stop);
    return;
  }
  channel = new BroadcastChannel(NAME);
  channel.onmessage = (event: MessageEvent<Told>) => hear(event.data);
  navigator.locks.request(NAME, { signal: stop }, () => lead(stop)).catch((error: Error) => {
    if (error.name !== "AbortError") throw error;
  });
}

/** Keep the browser's one stream open, and tell the other tabs what comes. */
function lead(stop: AbortSignal): Promise<void> {
  return new Promise((done) => {
    let source: EventSource | null = null;
    let timer: number | undefined;
    const open = (): void => {
      source = new EventSource(PATH);
      source.addEventListener("open", () => tell({ type: "changed", changed: { kind: "settings", id: null, seq: 0 } }));
      source.addEventListener("tick", (event) => tell({ type: "tick", tick: JSON.parse(event.data) as Tick }));
      source.addEventListener("changed", (event) => tell({ type: "changed", changed: JSON.parse(event.data) as Changed }));
      source.addEventListener("error", () => {
        // It resumes by itself after a break, but not after a refusal.
        if (source?.readyState !== EventSource.CLOSED) return;
        // A stream does not say why it was refused; this does, and shows the door where nobody is in.
        get(PATH).catch(() => undefined);
        timer = window.setTimeout(open, RETRY_MS);
      });
    };
    open();
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      source?.close();
      done();
    });
  });
}

async function poll(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      const found = await get<Tick>(PATH);
      const before = tick.value;
      hear({ type: "tick", tick: found });
      if (before && before.newest !== found.newest) hear({ type: "changed", changed: { kind: "usage", id: found.newest, seq: 0 } });
    } catch {
      // The badge says so; the next try may succeed.
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

function tell(told: Told): void {
  channel?.postMessage(told);
  hear(told);
}

function hear(told: Told): void {
  lastHeard = performance.now();
  if (told.type === "tick") {
    tick.value = told.tick;
    connection.value = "live";
    return;
  }
  if (document.hidden) return; // all is asked for again once somebody looks
  for (const { kinds, call } of listeners) if (kinds.includes(told.changed.kind)) call();
}

function judge(): void {
  if (performance.now() - lastHeard > SILENCE_MS) connection.value = "reconnecting";
}
