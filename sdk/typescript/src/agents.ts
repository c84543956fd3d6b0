// Agent runs: begun, followed, and told what to do.

import type { Connection } from "./connection.ts";
import type { Page } from "./pages.ts";
import { type CallOptions, placed, read, toTheNano } from "./requests.ts";
import { RunStream } from "./streams.ts";
import type { Run, RunRequest, RunStatus, RunSummary } from "./types.ts";

const RUNS = "/v1/agents/runs";

/** Agent runs; needs the scope `agent:run`. */
export class Agents {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Begin a run, and wait for its end up to `waitSeconds` (0 to 60).
   *
   * The run goes on whether or not anybody waits. Where the connection breaks, it is not begun again by
   * itself: `list` shows whether it was.
   */
  run(request: RunRequest, options: CallOptions = {}): Promise<Run> {
    const { signal } = options;
    const body = toTheNano(request, "budget");
    return this.#connection.ask({ method: "POST", path: "/v1/agents/run", body, repeatable: false, signal });
  }

  /** Begin a run and follow it to its end, over broken connections. */
  stream(request: Omit<RunRequest, "waitSeconds">, options: CallOptions = {}): RunStream {
    const { signal } = options;
    const body = toTheNano(request, "budget");
    const begin = { method: "POST", path: "/v1/agents/stream", body, repeatable: false, signal };
    return new RunStream(this, this.#connection, { begin });
  }

  /** What happens in a run, from behind the event numbered `after` to its end. */
  events(runId: string, options: CallOptions & { after?: number } = {}): RunStream {
    return new RunStream(this, this.#connection, { runId, after: options.after ?? 0, signal: options.signal });
  }

  /** A run: what it was given, its steps, what it cost, and what came of it. */
  get(runId: string, options: CallOptions = {}): Promise<Run> {
    return this.#connection.ask(read(`${RUNS}/${placed(runId)}`, {}, options));
  }

  /** The runs that the key may see, newest first. */
  list(
    query: { status?: RunStatus; limit?: number; cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<Page<RunSummary>> {
    return this.#connection.askPage(read(RUNS, query, options));
  }

  /** Stop a run; one that has ended stays as it is. */
  cancel(runId: string, options: CallOptions = {}): Promise<Run> {
    return this.#tell(runId, "cancel", undefined, true, options);
  }

  /** Have a run stand still before its next step. */
  pause(runId: string, options: CallOptions = {}): Promise<Run> {
    return this.#tell(runId, "pause", undefined, false, options);
  }

  /** Let a paused run go on. */
  resume(runId: string, options: CallOptions = {}): Promise<Run> {
    return this.#tell(runId, "resume", undefined, false, options);
  }

  /** Decide on a tool call that waits for it, with yes unless `approved` is false. */
  approve(
    runId: string,
    stepId: string,
    decision: { approved?: boolean; comment?: string } = {},
    options: CallOptions = {},
  ): Promise<Run> {
    return this.#tell(runId, `approvals/${placed(stepId)}`, { approved: true, ...decision }, false, options);
  }

  #tell(runId: string, order: string, body: unknown, repeatable: boolean, { signal }: CallOptions): Promise<Run> {
    const path = `${RUNS}/${placed(runId)}/${order}`;
    return this.#connection.ask({ method: "POST", path, body, repeatable, signal });
  }
}
