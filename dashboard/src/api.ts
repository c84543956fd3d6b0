/** Questions to the platform's API, which every page's content comes from. */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type Session = Schemas["SessionItem"];
export type Totals = Schemas["TotalsItem"];
export type Usage<D extends string = never> = { totals: Totals; rows: (Totals & Record<D, string | null>)[] };
export type Event = Schemas["EventItem"];
export type Budget = Schemas["BudgetItem"];
export type Key = Schemas["KeyItem"];
export type Health = Schemas["Health"];
export type SpendProjection = Schemas["ProjectionItem"];
export type Latency = Schemas["LatencyAnswer"];
export type Process = Schemas["ProcessItem"];
export type Provider = Schemas["ProviderItem"];
export type Run = Schemas["RunItem"];
export type RunSummary = Schemas["RunSummary"];
export type Tool = Schemas["ToolDescription"];
export type Workspace = Schemas["WorkspaceItem"];
export type Step = Schemas["StepItem"];
export type PromptSummary = Schemas["PromptItem"];
export type Prompt = Schemas["PromptDetail"];
export type PromptDiff = Schemas["PromptDiff"];
export type Rendered = Schemas["RenderedPrompt"];
export type DocumentSummary = Schemas["DocumentItem"];
export type SearchResult = Schemas["ResultItem"];
export type SourcedAnswer = Schemas["DocumentsAnswer"];
export type Model = Schemas["ModelItem"];
export type Act = Schemas["ActItem"];
export type Verified = Schemas["Verified"];
export type TokenUsage = Schemas["platform.UsageItem"];
export type Page<T> = { data: T[]; nextCursor: string | null };

/** An answer that says what went wrong; status 0 where there was none. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly requestId: string | null,
  ) {
    super(message);
  }
}

/** Called when the platform no longer knows who asks. */
export const onSignedOut: { call: () => void } = { call: () => undefined };

/** The answer to a request. */
export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await respond(method, path, body);
  return (await response.json()) as T;
}

/** The response to a request, its body still to be read. */
export async function respond(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const options: RequestInit = { method, credentials: "same-origin" };
  if (signal) options.signal = signal;
  if (body instanceof FormData) {
    options.body = body;
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "content-type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("the platform does not answer", 0, "unreachable", null);
  }
  if (response.ok) return response;
  const failure = await failureOf(response);
  if (failure.status === 401) onSignedOut.call();
  throw failure;
}

export function get<T>(path: string): Promise<T> {
  return send<T>("GET", path);
}

/** A path with its query; what is undefined or empty is left out. */
export function withQuery(path: string, query: Record<string, string | number | null | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

async function failureOf(response: Response): Promise<ApiError> {
  const id = response.headers.get("x-request-id");
  try {
    const { error } = await response.json();
    return new ApiError(error.message, response.status, error.code, id);
  } catch {
    return new ApiError(`the platform answered ${response.status}`, response.status, "unknown", id);
  }
}
