// Prompt templates.

import type { Connection } from "./connection.ts";
import { type CallOptions, placed, read } from "./requests.ts";
import type { Prompt, PromptDetail, PromptDiff, RenderRequest, RenderedPrompt } from "./types.ts";

/** The platform's templates and the company's own; needs the scope `ai:complete`. */
export class Prompts {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** All templates, in their latest versions. */
  list(options: CallOptions = {}): Promise<Prompt[]> {
    return this.#connection.askAll(read("/v1/prompts", {}, options));
  }

  /** A template; the latest version unless one is named. */
  get(name: string, query: { version?: number } = {}, options: CallOptions = {}): Promise<PromptDetail> {
    return this.#connection.ask(read(`/v1/prompts/${placed(name)}`, query, options));
  }

  /** The messages that a template becomes; nothing is asked of a model. */
  render(name: string, request: RenderRequest = {}, { signal }: CallOptions = {}): Promise<RenderedPrompt> {
    const path = `/v1/prompts/${placed(name)}/render`;
    return this.#connection.ask({ method: "POST", path, body: request, repeatable: true, signal });
  }

  /** What differs between two versions of a template. */
  diff(name: string, versions: { from: number; to: number }, options: CallOptions = {}): Promise<PromptDiff> {
    return this.#connection.ask(read(`/v1/prompts/${placed(name)}/diff`, versions, options));
  }
}
