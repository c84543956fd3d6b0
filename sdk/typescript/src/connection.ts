// How requests are sent: with the key, again where that may help, and errors by their names.

import { APIConnectionError, type HeadgateError, fromAnswer } from "./errors.ts";
import { Exchange, wasNotSent } from "./exchange.ts";
import { Page } from "./pages.ts";
import { type Request, mayPass, pauseSeconds } from "./requests.ts";

/** Connections to one platform, with one key. */
export class Connection {
  readonly maxRetries: number;
  readonly #baseURL: string;
  readonly #apiKey: string;
  readonly #timeoutSeconds: number;

  constructor(baseURL: string, apiKey: string, timeoutSeconds: number, maxRetries: number) {
    this.#baseURL = baseURL;
    this.#apiKey = apiKey;
    this.#timeoutSeconds = timeoutSeconds;
    this.maxRetries = maxRetries;
  }

  /** The answer to a request. */
  async ask<T>(request: Request): Promise<T> {
    return this.#sent(request, async (exchange, response) => {
      const answer = await response.json();
      exchange.close();
      return answer;
    });
  }

  /** The answer to a metered call, with the id under which it stands in the ledger. */
  async askMetered<T>(request: Request): Promise<T> {
    return this.#sent(request, async (exchange, response) => {
      const answer = await response.json();
      exchange.close();
      return { ...answer, requestId: exchange.header("x-request-id") };
    });
  }

  /** The answer to a request for a list that has one page. */
  async askAll<T>(request: Request): Promise<T[]> {
    return (await this.ask<{ data: T[] }>(request)).data;
  }

  /** A page of a list; the next ones are asked for with the same request. */
  async askPage<T>(request: Request): Promise<Page<T>> {
    const { data, nextCursor } = await this.ask<{ data: T[]; nextCursor: string | null }>(request);
    return new Page(this, request, data, nextCursor);
  }

  /** An answer that is read as it comes, to be closed by the caller. */
  async open(request: Request): Promise<Exchange> {
    return this.#sent(request, async (exchange) => exchange);
  }

  async #sent<T>(request: Request, take: (exchange: Exchange, response: Response) => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      let failure: HeadgateError;
      let again: boolean;
      let retryAfter: number | null = null;
      const exchange = new Exchange(this.#timeoutSeconds, request.signal);
      try {
        const response = await exchange.begin(this.#url(request), this.#written(request));
        if (response.ok) return await take(exchange, response);
        const refusal = fromAnswer(response.status, response.headers, await response.text());
        again = mayPass(refusal, response.headers.get("x-should-retry"), request.repeatable);
        retryAfter = refusal.retryAfter;
        failure = refusal;
      } catch (cause) {
        const reason = exchange.failure(cause);
        exchange.close();
        if (!(reason instanceof APIConnectionError)) throw reason;
        again = request.repeatable || wasNotSent(cause);
        failure = reason;
      }
      exchange.close();
      if (!again || failures > this.maxRetries) throw failure;
      await pause(pauseSeconds(failures, retryAfter), request.signal);
    }
  }

  #url(request: Request): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) query.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    return `${this.#baseURL}${request.path}${query.size ? `?${query}` : ""}`;
  }

  #written({ method, body, headers }: Request): RequestInit {
    const all: Record<string, string> = { authorization: `Bearer ${this.#apiKey}`, ...headers };
    if (body === undefined) return { method, headers: all };
    if (body instanceof FormData) return { method, headers: all, body };
    all["content-type"] = "application/json";
    return { method, headers: all, body: JSON.stringify(body) };
  }
}

/** Wait, unless the caller leaves. */
export function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", leave);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted) leave();
  });
}
