// What can go wrong, named for what the caller can do about it.

/** Anything that the SDK throws, but for the reason of a signal that the caller aborted. */
export class HeadgateError extends Error {
  /** What to do about it. */
  readonly hint: string = "";
  /** The platform's name for it; empty where the platform did not answer. */
  readonly code: string;
  /** The id under which the platform knows the call; empty where it did not answer. */
  readonly requestId: string;

  constructor(message: string, told: { code?: string; requestId?: string; cause?: unknown } = {}) {
    super(message, "cause" in told ? { cause: told.cause } : undefined);
    this.name = new.target.name;
    this.code = told.code ?? "";
    this.requestId = told.requestId ?? "";
  }
}

/** The platform was not reached, or the connection broke before the answer's end. */
export class APIConnectionError extends HeadgateError {
  override readonly hint: string = "Check the address and that the platform runs: `headgate doctor`.";
}

/** The platform took longer than the client's `timeoutSeconds`. */
export class APITimeoutError extends APIConnectionError {
  override readonly hint = "The work may still be done there. Give the client a longer timeout, or stream.";
}

interface Refusal {
  status: number;
  code: string;
  requestId: string;
  param: string | null;
  retryAfter: number | null;
  budget: BudgetState | null;
}

/** How a budget stands, in US dollars. */
export interface BudgetState {
  /** What the budget belongs to: `key`, `user`, `workspace` or `model`. */
  scope: string;
  id: string;
  limit: number | null;
  spent: number;
  reserved: number;
  /** When the next month begins, ISO 8601. */
  resetsAt: string;
}

/** The platform answered with an error. */
export class APIStatusError extends HeadgateError {
  /** The HTTP status; of a stream that failed under way, the one that it would have had. */
  readonly status: number;
  /** The part of the request that is to blame, if one is. */
  readonly param: string | null;
  /** How many seconds to wait, where the platform says so. */
  readonly retryAfter: number | null;

  constructor(message: string, told: Refusal) {
    super(message, told);
    this.status = told.status;
    this.param = told.param;
    this.retryAfter = told.retryAfter;
  }
}

/** The request is wrong, too long for the model, or too large; `param` may say which part. */
export class InvalidRequestError extends APIStatusError {}

/** The key is missing, unknown, expired or revoked. */
export class AuthenticationError extends APIStatusError {
  override readonly hint = "Check HEADGATE_API_KEY, or the apiKey that the client was given.";
}

/** A budget cannot cover the call. */
export class BudgetExceededError extends APIStatusError implements BudgetState {
  override readonly hint = "`usage.budget()` shows what is left.";
  readonly scope: string;
  readonly id: string;
  readonly limit: number | null;
  readonly spent: number;
  readonly reserved: number;
  readonly resetsAt: string;

  constructor(message: string, told: Refusal) {
    super(message, told);
    this.scope = told.budget?.scope ?? "";
    this.id = told.budget?.id ?? "";
    this.limit = told.budget?.limit ?? null;
    this.spent = told.budget?.spent ?? 0;
    this.reserved = told.budget?.reserved ?? 0;
    this.resetsAt = told.budget?.resetsAt ?? "";
  }
}

/** The key is good, but lacks the scope. */
export class PermissionDeniedError extends APIStatusError {
  override readonly hint = "Use a key with the scope that the message names.";
}

/** There is no such thing, or this key may not see it. */
export class NotFoundError extends APIStatusError {}

/** The model is unknown, or not one that this key may use. */
export class ModelNotFoundError extends NotFoundError {
  override readonly hint = "`models.list()` says which models this key may use.";
}

/** It was done before, or the idempotency key stands for another request. */
export class ConflictError extends APIStatusError {}

/** Too many calls or tokens in too short a time. */
export class RateLimitError extends APIStatusError {
  override readonly hint = "`retryAfter` says how many seconds to wait.";
}

/** The model's vendor, or the platform itself, failed, is overloaded or took too long. */
export class UpstreamError extends APIStatusError {
  override readonly hint = "It may pass: try again, or name another model.";
}

const BY_STATUS: Record<number, typeof APIStatusError> = {
  400: InvalidRequestError,
  401: AuthenticationError,
  402: BudgetExceededError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  413: InvalidRequestError,
  429: RateLimitError,
};

const STATUS_BY_CODE: Record<string, number> = {
  invalid_request: 400,
  context_length_exceeded: 400,
  invalid_api_key: 401,
  budget_exceeded: 402,
  insufficient_scope: 403,
  not_found: 404,
  model_not_found: 404,
  idempotency_conflict: 409,
  rate_limit_exceeded: 429,
  upstream_error: 502,
  overloaded: 503,
  upstream_timeout: 504,
};

/** What the platform tells of an error. */
export interface Told {
  message: string;
  code?: string;
  param?: string | null;
  budget?: BudgetState;
}

/** The error that an answer tells of, whoever on the way wrote it. */
export function fromAnswer(status: number, headers: Headers, body: string): APIStatusError {
  const retryAfter = headers.get("retry-after") ?? "";
  // The platform writes whole seconds; a date, which others may write, is not understood.
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : null;
  return made(toldIn(status, body), status, headers.get("x-request-id") ?? "", seconds);
}

/** The error with which a stream ends. */
export function fromEvent(told: Told, requestId: string): APIStatusError {
  return made(told, STATUS_BY_CODE[told.code ?? ""] ?? 500, requestId, null);
}

function toldIn(status: number, body: string): Told {
  try {
    const { error } = JSON.parse(body);
    if (typeof error.message === "string") return error;
  } catch {
    // Then it is told below.
  }
  return { message: `The answer was HTTP ${status}, and not the platform's.` };
}

function made(told: Told, status: number, requestId: string, retryAfter: number | null): APIStatusError {
  const code = told.code ?? "";
  const byStatus = BY_STATUS[status] ?? (status >= 500 ? UpstreamError : APIStatusError);
  const kind = code === "model_not_found" ? ModelNotFoundError : byStatus;
  const budget = told.budget ?? null;
  return new kind(told.message, { status, code, requestId, param: told.param ?? null, retryAfter, budget });
}
