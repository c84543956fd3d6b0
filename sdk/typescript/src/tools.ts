// Tools and models.

import type { Connection } from "./connection.ts";
import { type CallOptions, type MeteredOptions, metered, placed, read } from "./requests.ts";
import type { Model, Tool, ToolResult } from "./types.ts";

/** The platform's tools; needs the scope `tools:run`. */
export class Tools {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** All tools, with the JSON Schemas of their arguments. */
  list(options: CallOptions = {}): Promise<Tool[]> {
    return this.#connection.askAll(read("/v1/tools", {}, options));
  }

  /** Call a tool with the arguments that its JSON Schema describes. */
  run(
    name: string,
    given: Record<string, unknown>,
    options: MeteredOptions & { tags?: string[] } = {},
  ): Promise<ToolResult> {
    return this.#connection.askMetered(metered(`/v1/tools/${placed(name)}`, given, options, options.tags));
  }
}

/** The models that the key may use. */
export class Models {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** All models that the key may use. */
  list(options: CallOptions = {}): Promise<Model[]> {
    return this.#connection.askAll(read("/v1/models", {}, options));
  }

  /** A model; its id may have slashes. */
  get(model: string, options: CallOptions = {}): Promise<Model> {
    return this.#connection.ask(read(`/v1/models/${model.split("/").map(placed).join("/")}`, {}, options));
  }
}
