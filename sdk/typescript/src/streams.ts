// Answers that are read as they come.

import type { Agents } from "./agents.ts";
import { type Connection, pause } from "./connection.ts";
import { APIConnectionError, type Told, fromEvent } from "./errors.ts";
import { type Done, type Frame, LAST_RUN_EVENTS, type RunEvent, type StreamEvent, framesOf } from "./events.ts";
import type { Exchange } from "./exchange.ts";
import { type Request, pauseSeconds, placed } from "./requests.ts";
import type { Completion, Run } from "./types.ts";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);

/** Which answer a stream reads: one that it begins, or one that was begun elsewhere. */
export type Source =
  | { begin: Request; resumable: boolean }
  | { requestId: string; after: number; signal: AbortSignal | undefined };

/**
 * A model's answer, piece by piece; `final` gives all of it together.
 *
 * Leaving the loop early, or `close`, stops the call, and what it costs, at the vendor; but not that
 * of a resumable one. Where the connection of such a one breaks, it goes on behind the last event
 * that was seen.
 */
export class Stream implements AsyncIterable<StreamEvent> {
  /** The id under which the call stands in the ledger; empty before it has begun. */
  requestId: string;
  /** The number of the last event that was seen, where the answer is resumable. */
  seen: number;
  readonly #connection: Connection;
  readonly #begin: Request | null;
  readonly #resumable: boolean;
  readonly #signal: AbortSignal | undefined;
  #events: AsyncGenerator<StreamEvent, void, undefined> | null = null;
  #exchange: Exchange | null = null;
  #text = "";
  #done: Done | null = null;
  #closed = false;

  constructor(connection: Connection, source: Source) {
    this.#connection = connection;
    this.#begin = "begin" in source ? source.begin : null;
    this.#resumable = "begin" in source ? source.resumable : true;
    this.#signal = "begin" in source ? source.begin.signal : source.signal;
    this.requestId = "begin" in source ? "" : source.requestId;
    this.seen = "begin" in source ? 0 : source.after;
  }

  [Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    this.#events ??= this.#read();
    return this.#events;
  }

  /** Read to the end; the whole answer, or what came behind the event it was resumed from. */
  async final(): Promise<Completion> {
    for await (const _ of this);
    if (this.#done === null) throw new APIConnectionError("The stream was left before its end.");
    const { type: _, ...done } = this.#done;
    return { ...done, content: this.#text, requestId: this.requestId };
  }

  /** Hang up; the platform then stops the vendor's call, unless it is resumable. */
  close(): void {
    this.#closed = true;
    this.#exchange?.close();
  }

  async *#read(): AsyncGenerator<StreamEvent, void, undefined> {
    let failures = 0;
    while (true) {
      let failure: APIConnectionError;
      try {
        for await (const event of this.#pieces()) {
          failures = 0;
          yield event;
        }
        if (this.#done !== null) return;
        failure = new APIConnectionError("The stream broke off before its end.");
      } catch (error) {
        if (!(error instanceof APIConnectionError)) throw error;
        failure = error;
      }
      failures += 1;
      // A call whose beginning failed has no name to find it by.
      const canGoOn = this.#resumable && this.requestId !== "" && !this.#closed;
      if (!canGoOn || failures > this.#connection.maxRetries) throw failure;
      await pause(pauseSeconds(failures, null), this.#signal);
    }
  }

  async *#pieces(): AsyncGenerator<StreamEvent, void, undefined> {
    const begin = this.requestId ? null : this.#begin;
    this.#exchange = await this.#connection.open(begin ?? this.#rest());
    if (begin) this.requestId = this.#exchange.header("x-request-id");
    for await (const { id, data } of framesOf(this.#exchange)) {
      if (id !== null) this.seen = Number(id);
      if (data["type"] === "error") throw fromEvent(data["error"] as Told, this.requestId);
      const event = data as unknown as StreamEvent;
      if (event.type === "delta") this.#text += event.content;
      else this.#done = event;
      yield event;
    }
  }

  #rest(): Request {
    return {
      method: "GET",
      path: `/v1/stream/${placed(this.requestId)}`,
      headers: { "last-event-id": String(this.seen) },
      repeatable: true,
      signal: this.#signal,
    };
  }
}

/**
 * What happens in a run, from its first event to its last.
 *
 * Where the connection breaks, it goes on behind the last event that was seen, on any process of the
 * platform. Leaving it does not stop the run.
 */
export class RunStream implements AsyncIterable<RunEvent> {
  /** The run; empty until a run that is begun with it has been opened. */
  runId: string;
  readonly #agents: Agents;
  readonly #connection: Connection;
  readonly #begin: Request | null;
  readonly #signal: AbortSignal | undefined;
  #seen: number;
  #events: AsyncGenerator<RunEvent, void, undefined> | null = null;

  constructor(
    agents: Agents,
    connection: Connection,
    from: { begin: Request } | { runId: string; after: number; signal: AbortSignal | undefined },
  ) {
    this.#agents = agents;
    this.#connection = connection;
    this.#begin = "begin" in from ? from.begin : null;
    this.#signal = "begin" in from ? from.begin.signal : from.signal;
    this.runId = "begin" in from ? "" : from.runId;
    this.#seen = "begin" in from ? 0 : from.after;
  }

  [Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, undefined> {
    this.#events ??= this.#read();
    return this.#events;
  }

  /** Follow the run to its end; the run with its output. */
  async final(): Promise<Run> {
    for await (const _ of this);
    return this.#agents.get(this.runId);
  }

  async *#read(): AsyncGenerator<RunEvent, void, undefined> {
    let failures = 0;
    while (true) {
      let failure = new APIConnectionError("The stream of events broke off.");
      try {
        for await (const { data } of this.#frames()) {
          failures = 0;
          const event = data as unknown as RunEvent;
          this.#seen = event.seq;
          yield event;
          if (LAST_RUN_EVENTS.has(event.type)) return;
        }
        // The platform ends a stream behind the last event, or because it ends itself.
        if (ENDED.has((await this.#agents.get(this.runId)).status)) return;
      } catch (error) {
        // A run whose beginning failed has no name to find it by.
        if (!(error instanceof APIConnectionError) || !this.runId) throw error;
        failure = error;
      }
      failures += 1;
      if (failures > this.#connection.maxRetries) throw failure;
      await pause(pauseSeconds(failures, null), this.#signal);
    }
  }

  async *#frames(): AsyncGenerator<Frame, void, undefined> {
    const begin = this.runId ? null : this.#begin;
    const exchange = await this.#connection.open(begin ?? this.#following());
    if (begin) this.runId = exchange.header("x-headgate-run-id");
    yield* framesOf(exchange);
  }

  #following(): Request {
    return {
      method: "GET",
      path: `/v1/agents/runs/${placed(this.runId)}/events`,
      headers: { "last-event-id": String(this.#seen) },
      repeatable: true,
      signal: this.#signal,
    };
  }
}
