// Lists, page by page.

import type { Connection } from "./connection.ts";
import type { Request } from "./requests.ts";

/** A page of a list, newest first. Going through it goes on through all pages after it. */
export class Page<T> implements AsyncIterable<T> {
  readonly data: T[];
  /** Where the next page begins; null on the last one. */
  readonly nextCursor: string | null;
  readonly #connection: Connection;
  readonly #request: Request;

  constructor(connection: Connection, request: Request, data: T[], nextCursor: string | null) {
    this.#connection = connection;
    this.#request = request;
    this.data = data;
    this.nextCursor = nextCursor;
  }

  /** The page after this one; null behind the last. */
  async nextPage(): Promise<Page<T> | null> {
    if (this.nextCursor === null) return null;
    const query = { ...this.#request.query, cursor: this.nextCursor };
    return this.#connection.askPage<T>({ ...this.#request, query });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let page: Page<T> | null = this; page !== null; page = await page.nextPage()) yield* page.data;
  }
}
