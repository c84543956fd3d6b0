// One request and its answer, which end when the caller leaves or the platform is silent for too long.

import { APIConnectionError, APITimeoutError } from "./errors.ts";

// Failures with these codes come before anything was sent.
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

export class Exchange {
  readonly #hanging = new AbortController();
  readonly #timeoutSeconds: number;
  readonly #caller: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #response: Response | undefined;

  constructor(timeoutSeconds: number, caller: AbortSignal | undefined) {
    this.#timeoutSeconds = timeoutSeconds;
    this.#caller = caller;
    caller?.addEventListener("abort", this.#leave);
    if (caller?.aborted) this.#leave();
    this.refresh();
  }

  /** Send the request; the answer's head. */
  async begin(url: string, init: RequestInit): Promise<Response> {
    this.#response = await fetch(url, { ...init, signal: this.#hanging.signal });
    return this.#response;
  }

  /** The answer's body, piece by piece. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of this.#response?.body ?? []) {
      this.refresh();
      yield piece;
    }
  }

  /** The answer's header of this name; empty where there is none. */
  header(name: string): string {
    return this.#response?.headers.get(name) ?? "";
  }

  /** Bytes have come: the time-out begins anew. */
  refresh(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hanging.abort(late()), this.#timeoutSeconds * 1000);
  }

  /** Hang up, or, after the end, let go of what watched over it. */
  close(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#leave);
    this.#hanging.abort();
  }

  /** What went wrong: the caller's own reason where the caller left, else an error of ours. */
  failure(cause: unknown): unknown {
    if (this.#caller?.aborted) return this.#caller.reason;
    if (this.#hanging.signal.reason instanceof APITimeoutError) return this.#hanging.signal.reason;
    if (!(cause instanceof TypeError || cause instanceof DOMException)) return cause;
    return new APIConnectionError(`No answer from the platform: ${codeOf(cause) || cause.message}.`, { cause });
  }

  readonly #leave = (): void => this.#hanging.abort(this.#caller?.reason);
}

/** Whether a failure came before anything was sent. */
export function wasNotSent(cause: unknown): boolean {
  return NOT_SENT.has(codeOf(cause));
}

function late(): APITimeoutError {
  return new APITimeoutError("The platform did not answer in time.");
}

function codeOf(cause: unknown): string {
  const inner = cause instanceof Error ? cause.cause : undefined;
  return inner instanceof Error && "code" in inner ? String(inner.code) : "";
}
