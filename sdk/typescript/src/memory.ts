// What agents remember: facts of a person, and what was said in a session.

import type { Connection } from "./connection.ts";
import { type CallOptions, placed, read } from "./requests.ts";
import type { Fact, FactRequest, Forgotten, Turn } from "./types.ts";

const FACTS = "/v1/agents/memory";

/** What agents know of the key's user, or of the key where it has none; needs the scope `agent:run`. */
export class Memory {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What agents know, the newest first; with a `query`, what fits it best. */
  list(query: { query?: string } = {}, options: CallOptions = {}): Promise<Fact[]> {
    return this.#connection.askAll(read(FACTS, query, options));
  }

  /** Have agents know something; runs with a `sessionId` read what fits their input. */
  add(fact: FactRequest, { signal }: CallOptions = {}): Promise<Fact> {
    return this.#connection.ask({ method: "POST", path: FACTS, body: fact, repeatable: false, signal });
  }

  /** Correct what agents know. */
  update(id: string, fact: FactRequest, { signal }: CallOptions = {}): Promise<Fact> {
    return this.#connection.ask({ method: "PUT", path: `${FACTS}/${placed(id)}`, body: fact, repeatable: true, signal });
  }

  /** Have agents forget something. */
  delete(id: string, { signal }: CallOptions = {}): Promise<Forgotten> {
    return this.#connection.ask({ method: "DELETE", path: `${FACTS}/${placed(id)}`, repeatable: false, signal });
  }

  /** What was said in a session; nothing where there is no such session. */
  conversation(sessionId: string, options: CallOptions = {}): Promise<Turn[]> {
    return this.#connection.askAll(read(sessionOf(sessionId), {}, options));
  }

  /** Have agents forget what was said in a session; what they have learnt in it stays. */
  endSession(sessionId: string, { signal }: CallOptions = {}): Promise<Forgotten> {
    return this.#connection.ask({ method: "DELETE", path: sessionOf(sessionId), repeatable: false, signal });
  }
}

function sessionOf(id: string): string {
  return `/v1/agents/sessions/${placed(id)}`;
}
