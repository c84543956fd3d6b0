// Documents of the key's workspace, and questions to them.

import type { Connection } from "./connection.ts";
import type { Page } from "./pages.ts";
import { type CallOptions, type MeteredOptions, metered, placed, read } from "./requests.ts";
import type {
  AddedDocument,
  AskRequest,
  DeletedDocument,
  Document,
  DocumentText,
  DocumentsAnswer,
} from "./types.ts";

const DOCUMENTS = "/v1/documents";

/** A text, or a file's bytes; the ending of the name says what kind of file it is. */
export interface NewDocument {
  name: string;
  content: string | Blob | Uint8Array<ArrayBuffer>;
}

/** The documents that search looks in; needs the scope `tools:run`. */
export class Documents {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Add a text or a file. */
  async add(document: NewDocument, options: MeteredOptions & { tags?: string[] } = {}): Promise<AddedDocument> {
    const [added] = await this.addFiles([document], options);
    return added as AddedDocument;
  }

  /** Add texts, Markdown, HTML, PDF and Word files: all of them, or none. */
  addFiles(
    documents: readonly NewDocument[],
    options: MeteredOptions & { tags?: string[] } = {},
  ): Promise<AddedDocument[]> {
    const form = new FormData();
    for (const { name, content } of documents) {
      form.append("file", content instanceof Blob ? content : new Blob([content]), name);
    }
    return this.#connection.askAll(metered(DOCUMENTS, form, options, options.tags));
  }

  /** The workspace's documents, newest first. */
  list(query: { limit?: number; cursor?: string } = {}, options: CallOptions = {}): Promise<Page<Document>> {
    return this.#connection.askPage(read(DOCUMENTS, query, options));
  }

  /** A document and a piece of its text; `nextStart` says where the next one begins. */
  get(id: string, query: { start?: number; length?: number } = {}, options: CallOptions = {}): Promise<DocumentText> {
    return this.#connection.ask(read(`${DOCUMENTS}/${placed(id)}`, query, options));
  }

  /** Remove a document. */
  delete(id: string, { signal }: CallOptions = {}): Promise<DeletedDocument> {
    return this.#connection.ask({ method: "DELETE", path: `${DOCUMENTS}/${placed(id)}`, repeatable: false, signal });
  }

  /** Answer from the documents, with citations that stand there word for word. */
  ask(request: AskRequest, options: MeteredOptions = {}): Promise<DocumentsAnswer> {
    return this.#connection.askMetered(metered(`${DOCUMENTS}/ask`, request, options));
  }
}
