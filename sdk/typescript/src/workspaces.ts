// What is set for single workspaces.

import type { Connection } from "./connection.ts";
import type { Page } from "./pages.ts";
import { type CallOptions, placed, read } from "./requests.ts";
import type { SetWorkspaceRequest, Workspace } from "./types.ts";

const WORKSPACES = "/v1/workspaces";

/** Settings of workspaces, which need no creation; needs the scope `admin`. */
export class Workspaces {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The workspaces with settings of their own, by their ids. */
  list(query: { limit?: number; cursor?: string } = {}, options: CallOptions = {}): Promise<Page<Workspace>> {
    return this.#connection.askPage(read(WORKSPACES, query, options));
  }

  /** What holds for a workspace. */
  get(workspaceId: string, options: CallOptions = {}): Promise<Workspace> {
    return this.#connection.ask(read(path(workspaceId), {}, options));
  }

  /** Set this, instead of all that was set before; the rest follows the platform's file. */
  set(workspaceId: string, settings: SetWorkspaceRequest, { signal }: CallOptions = {}): Promise<Workspace> {
    return this.#connection.ask({ method: "PUT", path: path(workspaceId), body: settings, repeatable: true, signal });
  }

  /** Go back to what the platform's file says of a workspace. */
  reset(workspaceId: string, { signal }: CallOptions = {}): Promise<Workspace> {
    return this.#connection.ask({ method: "DELETE", path: path(workspaceId), repeatable: true, signal });
  }
}

function path(workspaceId: string): string {
  return `${WORKSPACES}/${placed(workspaceId)}`;
}
