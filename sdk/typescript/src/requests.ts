// A request as it will be sent, and whether and when it may be sent again.

import type { APIStatusError } from "./errors.ts";

const FIRST_PAUSE_SECONDS = 0.5;
const LONGEST_PAUSE_SECONDS = 8;
// Whoever is told to wait longer than this should know, rather than wait.
const LONGEST_RETRY_AFTER_SECONDS = 60;
// Refused before anything was done.
const REFUSALS = new Set([429, 503]);
// Of a dollar; amounts with more are rounded.
const DECIMALS = 9;
const MAY_PASS = new Set([408, 500, 502, 504, ...REFUSALS]);

/** What any call takes. */
export interface CallOptions {
  /** Ends the call, and with it what it costs at the vendor. */
  signal?: AbortSignal;
}

/** What calls that cost money take besides. */
export interface MeteredOptions extends CallOptions {
  /** Calls under one key are made once; by default this call's own. */
  idempotencyKey?: string;
  /** Whether an earlier answer to the same request may be given again; true by default. */
  cache?: boolean;
}

/** Values of a query; those that are undefined are left out. */
export type Query = Record<string, string | number | boolean | Date | undefined>;

export interface Request {
  method: string;
  path: string;
  query?: Query;
  /** What is written as JSON, or files. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Whether asking twice does no more than asking once. */
  repeatable: boolean;
  signal?: AbortSignal | undefined;
}

/** A GET. */
export function read(path: string, query: Query = {}, options: CallOptions = {}): Request {
  return { method: "GET", path, query, repeatable: true, signal: options.signal };
}

/** A POST that may cost money: under one idempotency key however often it is sent. */
export function metered(
  path: string,
  body: unknown,
  options: MeteredOptions = {},
  tags: readonly string[] = [],
): Request {
  const headers: Record<string, string> = { "idempotency-key": options.idempotencyKey ?? crypto.randomUUID() };
  if (options.cache === false) headers["cache-control"] = "no-cache";
  if (tags.length) headers["x-headgate-tags"] = tags.join(",");
  return { method: "POST", path, body, headers, repeatable: true, signal: options.signal };
}

/** A name as a part of a path. */
export function placed(name: string): string {
  return encodeURIComponent(name);
}

/**
 * A body whose amount `name`, in US dollars, is to the nano-dollar, as exact as the platform counts.
 *
 * What is computed in binary is often a little beside what was meant: `10 * 0.0003` is
 * 0.0029999999999999996, and goes as 0.003.
 */
export function toTheNano<Name extends string, Body extends { [name in Name]?: number | null }>(
  body: Body,
  name: Name,
): Body {
  const amount = body[name];
  if (typeof amount !== "number") return body;
  // JSON would make null of it, which means no limit.
  if (!Number.isFinite(amount)) throw new RangeError(`${name} is ${amount}, which is no amount of dollars`);
  return { ...body, [name]: Number(amount.toFixed(DECIMALS)) };
}

/** Whether sending the request again may help and does no harm; `shouldRetry` is `x-should-retry`. */
export function mayPass(error: APIStatusError, shouldRetry: string | null, repeatable: boolean): boolean {
  if ((error.retryAfter ?? 0) > LONGEST_RETRY_AFTER_SECONDS || shouldRetry === "false") return false;
  if (REFUSALS.has(error.status)) return true;
  return repeatable && (shouldRetry === "true" || MAY_PASS.has(error.status));
}

/** How long to wait after this many failures: what the platform says, or longer and longer. */
export function pauseSeconds(failures: number, retryAfter: number | null): number {
  if (retryAfter !== null) return retryAfter;
  const longest = Math.min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS);
  // Callers that failed together do not come back together.
  return longest * (0.5 + Math.random() / 2);
}
