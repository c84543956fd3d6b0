// What was used and what is left.

import type { Connection } from "./connection.ts";
import type { Page } from "./pages.ts";
import { type CallOptions, type Query, placed, read, toTheNano } from "./requests.ts";
import type {
  Budget,
  BudgetList,
  Dimension,
  Latency,
  ServiceLevels,
  OwnBudgets,
  Projection,
  SetBudgetRequest,
  Unconfirmed,
  Usage,
  UsageEvent,
} from "./types.ts";

/** A range of time, from its beginning to before its end; this month by default, in UTC. */
export type Range = { from?: string | Date; to?: string | Date };

/** Whose usage, for an admin; by default all that the key may see. */
export type Whose = { userId?: string; keyId?: string };

/** Which of the ledger's events. */
export type EventsQuery = Range &
  Whose & {
    model?: string;
    provider?: string;
    status?: "cancelled" | "error" | "incomplete" | "ok";
    cache?: "bypass" | "hit" | "miss";
    limit?: number;
    cursor?: string;
  };

/** Usage and budgets; needs `usage:read`, for others' usage and for changes `admin`. */
export class UsageReports {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sums over calls. */
  get(query: Range & Whose & { groupBy?: Dimension } = {}, options: CallOptions = {}): Promise<Usage> {
    return this.#connection.ask(read("/v1/usage", query, options));
  }

  /** The ledger, newest first. */
  events(query: EventsQuery = {}, options: CallOptions = {}): Promise<Page<UsageEvent>> {
    return this.#connection.askPage(read("/v1/usage/events", query, options));
  }

  /** The key's own budgets, the tightest first; or, for an admin, anyone's. */
  budget(): Promise<OwnBudgets>;
  budget(whose: { scope: SetBudgetRequest["scope"]; id: string }, options?: CallOptions): Promise<Budget>;
  budget(whose: Query = {}, options: CallOptions = {}): Promise<OwnBudgets | Budget> {
    return this.#connection.ask(read("/v1/usage/budget", whose, options));
  }

  /** Limit what may be spent in a month, in US dollars; null removes the limit. */
  setBudget(request: SetBudgetRequest, { signal }: CallOptions = {}): Promise<Budget> {
    const body = toTheNano(request, "monthlyBudget");
    return this.#connection.ask({ method: "PUT", path: "/v1/usage/budget", body, repeatable: true, signal });
  }

  /** All budgets that have a limit, for an admin. */
  budgets(options: CallOptions = {}): Promise<BudgetList> {
    return this.#connection.ask(read("/v1/usage/budgets", {}, options));
  }

  /** What will have been spent at the month's end if it goes on like this. */
  projection(options: CallOptions = {}): Promise<Projection> {
    return this.#connection.ask(read("/v1/usage/projection", {}, options));
  }

  /** How long calls took, piece of time by piece of time. */
  latency(query: Range & { bucketSeconds?: number } = {}, options: CallOptions = {}): Promise<Latency> {
    return this.#connection.ask(read("/v1/usage/latency", query, options));
  }

  /** How well the platform served, against its targets; the last 24 hours where no window is given. */
  serviceLevels(query: { window?: ServiceLevels["window"] } = {}, options: CallOptions = {}): Promise<ServiceLevels> {
    return this.#connection.ask(read("/v1/slo", query, options));
  }

  /** What processes that died may have spent, newest first. */
  unconfirmed(query: { limit?: number; cursor?: string } = {}, options: CallOptions = {}): Promise<Page<Unconfirmed>> {
    return this.#connection.askPage(read("/v1/usage/unconfirmed", query, options));
  }

  /** Take such an amount off its budget's spend. */
  releaseUnconfirmed(id: string, { signal }: CallOptions = {}): Promise<Unconfirmed> {
    const path = `/v1/usage/unconfirmed/${placed(id)}/release`;
    return this.#connection.ask({ method: "POST", path, repeatable: false, signal });
  }
}
