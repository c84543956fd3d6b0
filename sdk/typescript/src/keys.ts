// Keys of the platform, and users' own keys for vendors.

import type { Connection } from "./connection.ts";
import type { Page } from "./pages.ts";
import { type CallOptions, placed, read, toTheNano } from "./requests.ts";
import type { CreateKeyRequest, Key, Provider, ProviderKey, UpdateKeyRequest } from "./types.ts";

const KEYS = "/v1/auth/keys";

/** Keys; needs the scope `admin`. */
export class Keys {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A new key; its `apiKey` is shown this once. */
  create(request: CreateKeyRequest, { signal }: CallOptions = {}): Promise<Key> {
    return this.#connection.ask({ method: "POST", path: KEYS, body: toTheNano(request, "monthlyBudget"), repeatable: false, signal });
  }

  /** All keys, newest first. */
  list(
    query: { withLastUse?: boolean; limit?: number; cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<Page<Key>> {
    return this.#connection.askPage(read(KEYS, query, options));
  }

  /** A key, without its secret. */
  get(keyId: string, options: CallOptions = {}): Promise<Key> {
    return this.#connection.ask(read(`${KEYS}/${placed(keyId)}`, {}, options));
  }

  /** Change what is named, and nothing else; null removes a limit. */
  update(keyId: string, changes: UpdateKeyRequest, { signal }: CallOptions = {}): Promise<Key> {
    const path = `${KEYS}/${placed(keyId)}`;
    return this.#connection.ask({ method: "PATCH", path, body: toTheNano(changes, "monthlyBudget"), repeatable: true, signal });
  }

  /** End a key; within a second it works on no process. */
  revoke(keyId: string, { signal }: CallOptions = {}): Promise<Key> {
    return this.#connection.ask({ method: "DELETE", path: `${KEYS}/${placed(keyId)}`, repeatable: true, signal });
  }

  /** A new secret for a key; the old one works for `graceSeconds` more. */
  rotate(keyId: string, grace: { graceSeconds?: number } = {}, { signal }: CallOptions = {}): Promise<Key> {
    const path = `${KEYS}/${placed(keyId)}/rotate`;
    return this.#connection.ask({ method: "POST", path, body: grace, repeatable: false, signal });
  }
}

/** Vendors, and users' own keys for them: a key with a user sets that user's, an admin any. */
export class Providers {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The vendors, how they are, and which have a key of the user. */
  list(query: { userId?: string } = {}, options: CallOptions = {}): Promise<Provider[]> {
    return this.#connection.askAll(read("/v1/providers", query, options));
  }

  /** Have the user's calls to a vendor made with this key; it is never shown again. */
  setKey(
    provider: string,
    key: { apiKey: string; userId?: string },
    { signal }: CallOptions = {},
  ): Promise<ProviderKey> {
    return this.#connection.ask({ method: "PUT", path: keyOf(provider), body: key, repeatable: true, signal });
  }

  /** The last four characters of a user's key for a vendor, and when it was set. */
  getKey(provider: string, query: { userId?: string } = {}, options: CallOptions = {}): Promise<ProviderKey> {
    return this.#connection.ask(read(keyOf(provider), query, options));
  }

  /** Forget a user's key for a vendor. */
  deleteKey(provider: string, query: { userId?: string } = {}, { signal }: CallOptions = {}): Promise<ProviderKey> {
    return this.#connection.ask({ method: "DELETE", path: keyOf(provider), query, repeatable: false, signal });
  }
}

function keyOf(provider: string): string {
  return `/v1/providers/${placed(provider)}/key`;
}
