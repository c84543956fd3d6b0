// The client of Headgate. What is named here is the interface.

export { type ClientOptions, Headgate } from "./client.ts";
export type { NewDocument } from "./documents.ts";
export {
  APIConnectionError,
  APIStatusError,
  APITimeoutError,
  AuthenticationError,
  BudgetExceededError,
  type BudgetState,
  ConflictError,
  HeadgateError,
  InvalidRequestError,
  ModelNotFoundError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UpstreamError,
} from "./errors.ts";
export type { Delta, Done, RunEvent, RunEventType, StreamEvent } from "./events.ts";
export type { Page } from "./pages.ts";
export type { CallOptions, MeteredOptions } from "./requests.ts";
export type { RunStream, Stream } from "./streams.ts";
export type * from "./types.ts";
