// The client.

import { Agents } from "./agents.ts";
import { Connection } from "./connection.ts";
import { Documents } from "./documents.ts";
import { HeadgateError } from "./errors.ts";
import { Keys, Providers } from "./keys.ts";
import { Memory } from "./memory.ts";
import { Prompts } from "./prompts.ts";
import { type CallOptions, type MeteredOptions, metered, read } from "./requests.ts";
import { Stream } from "./streams.ts";
import { Models, Tools } from "./tools.ts";
import type {
  Classification,
  ClassifyRequest,
  CompleteRequest,
  Completion,
  EmbedRequest,
  Embeddings,
  Health,
  SearchRequest,
  SearchResults,
  StreamRequest,
} from "./types.ts";
import { UsageReports } from "./usage.ts";
import { Workspaces } from "./workspaces.ts";

const DEFAULT_URL = "http://127.0.0.1:3000";
const TIMEOUT_SECONDS = 120;
const MAX_RETRIES = 2;

declare const process: { env: Record<string, string | undefined> } | undefined;

export interface ClientOptions {
  /** Where the platform answers; `HEADGATE_URL` by default. */
  baseURL?: string;
  /** The same. A slip here would lead to another platform without a word, so either spelling is taken. */
  baseUrl?: string;
  /** `HEADGATE_API_KEY` by default. */
  apiKey?: string;
  /** How many seconds may pass without a byte from the platform. */
  timeoutSeconds?: number;
  /**
   * How often a call is made again after a failure that may pass. It is never made again after the first
   * piece of a stream, nor where that could do something twice.
   */
  maxRetries?: number;
}

/** Calls one platform with one key. */
export class Headgate {
  readonly agents: Agents;
  readonly documents: Documents;
  readonly keys: Keys;
  readonly memory: Memory;
  readonly models: Models;
  readonly prompts: Prompts;
  readonly providers: Providers;
  readonly tools: Tools;
  readonly usage: UsageReports;
  readonly workspaces: Workspaces;
  readonly #connection: Connection;

  constructor(options: ClientOptions = {}) {
    const environment = typeof process === "undefined" ? {} : process.env;
    const url = options.baseURL || options.baseUrl || environment["HEADGATE_URL"] || DEFAULT_URL;
    const key = options.apiKey || environment["HEADGATE_API_KEY"];
    if (!key) throw new HeadgateError("There is no key: give the client an apiKey, or set HEADGATE_API_KEY.");
    const connection = new Connection(
      // OpenAI's clients want the address with `/v1`, so people have it at hand like that.
      url.replace(/\/+$/, "").replace(/\/v1$/, ""),
      key,
      options.timeoutSeconds ?? TIMEOUT_SECONDS,
      options.maxRetries ?? MAX_RETRIES,
    );
    this.#connection = connection;
    this.agents = new Agents(connection);
    this.documents = new Documents(connection);
    this.keys = new Keys(connection);
    this.memory = new Memory(connection);
    this.models = new Models(connection);
    this.prompts = new Prompts(connection);
    this.providers = new Providers(connection);
    this.tools = new Tools(connection);
    this.usage = new UsageReports(connection);
    this.workspaces = new Workspaces(connection);
  }

  /** A model's answer; needs the scope `ai:complete`. */
  complete(request: CompleteRequest, options: MeteredOptions = {}): Promise<Completion> {
    return this.#connection.askMetered(metered("/v1/complete", asked(request), options));
  }

  /**
   * A model's answer as it comes. With `resumable` it goes on without a reader for up to a minute,
   * and is gone on with where the connection breaks.
   */
  stream(request: StreamRequest, options: MeteredOptions = {}): Stream {
    const begin = metered("/v1/stream", asked(request), options);
    return new Stream(this.#connection, { begin, resumable: request.resumable ?? false });
  }

  /** A resumable answer that was begun elsewhere, behind the event numbered `after`. */
  resume(requestId: string, after = 0, options: CallOptions = {}): Stream {
    return new Stream(this.#connection, { requestId, after, signal: options.signal });
  }

  /** A vector for each text; needs the scope `ai:embed`. */
  embed(request: EmbedRequest, options: MeteredOptions = {}): Promise<Embeddings> {
    return this.#connection.askMetered(metered("/v1/embed", request, options));
  }

  /** Which of the labels fits a text best; needs the scope `ai:complete`. */
  classify(request: ClassifyRequest, options: MeteredOptions = {}): Promise<Classification> {
    return this.#connection.askMetered(metered("/v1/classify", request, options));
  }

  /** Passages of the workspace's documents, best first; needs the scope `tools:run`. */
  search(request: SearchRequest, options: MeteredOptions = {}): Promise<SearchResults> {
    return this.#connection.askMetered(metered("/v1/search", request, options));
  }

  /** Whether the platform works, part by part. */
  health(options: CallOptions = {}): Promise<Health> {
    return this.#connection.ask(read("/v1/health", {}, options));
  }
}

function asked(request: CompleteRequest): unknown {
  const { messages } = request;
  return typeof messages === "string" ? { ...request, messages: [{ role: "user", content: messages }] } : request;
}
