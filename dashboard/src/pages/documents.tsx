/** Documents: what the workspace has, and what is found in it. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useRef } from "preact/hooks";

import { type DocumentSummary, type Page, respond, type SearchResult, send, type SourcedAnswer, withQuery } from "../api";
import { compact, count, date } from "../format";
import { useAction } from "../parts/action";
import { BarList } from "../parts/bar-list";
import { Card } from "../parts/card";
import { Dialog } from "../parts/dialog";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { ForAdmins } from "../parts/for-admins";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { Table } from "../parts/table";
import { invalidate, useResource } from "../resource";
import { param, setParams } from "../router";
import { session } from "../session";

export const Documents: FunctionComponent = () => {
  const page = useResource<Page<DocumentSummary>>(withQuery("/v1/documents", { limit: 50, cursor: param("cursor") }));
  const removing = useSignal<DocumentSummary | null>(null);
  const list = page.data?.data;
  const more = page.data?.nextCursor ? "On this page; there are more" : undefined;
  const sum = (pick: (one: DocumentSummary) => number): number | undefined => list?.reduce((total, one) => total + pick(one), 0);
  return (
    <>
      <PageHead title="Documents" purpose="What search and answers are taken from: documents of your key's workspace." />
      <div class="grid">
        <Figure label="Documents" value={list && `${count(list.length)}${more ? "+" : ""}`} note={more ?? `In the workspace ${session.value?.workspaceId ?? ""}`} />
        <Figure label="Characters" value={list && compact(sum((one) => one.characters)!)} note={more ?? "Of extracted text"} />
        <Figure label="Passages" value={list && count(sum((one) => one.chunks)!)} note={more ?? "That search looks through"} />
        <Figure label="Newest" value={list && (list[0] ? date(list[0].createdAt) : "–")} note={list?.[0]?.name ?? "None yet"} />
        <ForAdmins>
          <Find />
          <Add />
        </ForAdmins>
        {list && list.length > 0 && (
          <Card title="Passages by document" note="How much of what is searched each one is" span={12}>
            <BarList
              label="Passages by document"
              columns={["Document", "Passages", "Characters"]}
              format={count}
              bars={list.map((one) => ({ name: one.name, value: one.chunks, note: `${compact(one.characters)} characters` }))}
            />
          </Card>
        )}
        <Card title="All documents" note="The newest first; added on, UTC" error={page.error} isOld={page.isOld}>
          {list &&
            (list.length ? (
              <>
                <Table<DocumentSummary>
                  label="All documents"
                  id={(one) => one.id}
                  rows={list}
                  columns={[
                    { name: "Name", cell: (one) => one.name },
                    { name: "Kind", cell: (one) => one.kind },
                    { name: "Pages", isNumber: true, cell: (one) => (one.pages === null ? "–" : count(one.pages)) },
                    { name: "Characters", isNumber: true, cell: (one) => count(one.characters) },
                    { name: "Passages", isNumber: true, cell: (one) => count(one.chunks) },
                    { name: "Added", isNumber: true, cell: (one) => date(one.createdAt) },
                    {
                      name: "Change",
                      isUnnamed: true,
                      isNumber: true,
                      cell: (one) => (
                        <ForAdmins>
                          <button class="small danger" type="button" aria-label={`Remove ${one.name}`} onClick={() => (removing.value = one)}>
                            Remove
                          </button>
                        </ForAdmins>
                      ),
                    },
                  ]}
                />
                {(param("cursor") || page.data!.nextCursor) && (
                  <div class="pages">
                    <button type="button" disabled={!param("cursor")} onClick={() => setParams({ cursor: null })}>
                      First page
                    </button>
                    <button type="button" disabled={!page.data!.nextCursor} onClick={() => setParams({ cursor: page.data!.nextCursor })}>
                      Older
                    </button>
                  </div>
                )}
              </>
            ) : (
              <Empty command="headgate docs add PATH">No documents yet. Add files here, or from a terminal:</Empty>
            ))}
        </Card>
      </div>
      {removing.value && <Remove of={removing.value} onClose={() => (removing.value = null)} />}
    </>
  );
};

const Find: FunctionComponent = () => {
  const action = useAction();
  const results = useSignal<SearchResult[] | null>(null);
  const answer = useSignal<SourcedAnswer | null>(null);
  const query = useSignal(param("q") ?? "");
  const find = (): Promise<boolean> =>
    action.run(async () => {
      setParams({ q: query.value });
      answer.value = null;
      results.value = (await send<{ results: SearchResult[] }>("POST", "/v1/search", { query: query.value, limit: 8 })).results;
    });
  const ask = (): Promise<boolean> =>
    action.run(async () => {
      setParams({ q: query.value });
      results.value = null;
      answer.value = await send<SourcedAnswer>("POST", "/v1/documents/ask", { question: query.value });
    });
  return (
    <Card title="Find" note="By words and by meaning; calls of your key" span={8}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void find();
        }}
      >
        <Field label="Words or a question">
          <input type="search" required value={query.value} onInput={(event) => (query.value = event.currentTarget.value)} />
        </Field>
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value || !query.value.trim()}>
            Search
          </button>
          <button type="button" disabled={action.isBusy.value || !query.value.trim()} onClick={() => void ask()}>
            Answer from the documents
          </button>
        </div>
      </form>
      {action.error.value && <Problem error={action.error.value} what="Not found" />}
      <div aria-live="polite">
        {results.value && (results.value.length ? <Results results={results.value} /> : <Empty>Nothing in the documents fits.</Empty>)}
        {answer.value && <Answer answer={answer.value} />}
      </div>
    </Card>
  );
};

const Results: FunctionComponent<{ results: SearchResult[] }> = ({ results }) => (
  <ol class="results">
    {results.map((one) => (
      <li key={`${one.documentId} ${one.start}`}>
        <h3>{one.name}</h3>
        <p>{one.text}</p>
        <p class="muted">
          Score {one.score.toFixed(3)}, characters {count(one.start)}–{count(one.end)}
          {one.page != null && `, page ${one.page}`}
        </p>
      </li>
    ))}
  </ol>
);

const Answer: FunctionComponent<{ answer: SourcedAnswer }> = ({ answer }) => (
  <div class="results">
    <p class="answer">{answer.answer}</p>
    {answer.citations.length > 0 && (
      <ol class="results">
        {answer.citations.map((one) => (
          <li key={`${one.documentId} ${one.start}`}>
            <h3>{one.title}</h3>
            <blockquote>{one.quote}</blockquote>
            <p class="muted">
              Characters {count(one.start)}–{count(one.end)}
            </p>
          </li>
        ))}
      </ol>
    )}
  </div>
);

const Add: FunctionComponent = () => {
  const action = useAction();
  const files = useRef<HTMLInputElement>(null);
  const told = useSignal<string | null>(null);
  const add = (): Promise<boolean> =>
    action.run(async () => {
      told.value = null;
      const body = new FormData();
      for (const file of files.current?.files ?? []) body.append("file", file);
      const response = await respond("POST", "/v1/documents", body);
      const { data } = (await response.json()) as { data: { name: string; chunks: number }[] };
      told.value = data.map((one) => `${one.name}: ${count(one.chunks)} passages`).join(", ");
      files.current!.value = "";
      invalidate("/v1/documents");
    });
  return (
    <Card title="Add" note="All of them are added, or none" span={4}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <Field label="Files" hint="Text, Markdown, HTML, PDF or Word; less than 50 MB together">
          <input ref={files} type="file" multiple required accept=".txt,.md,.html,.htm,.pdf,.docx" />
        </Field>
        {action.error.value && <Problem error={action.error.value} what="Not added" />}
        {told.value && (
          <p role="status" class="done">
            Added {told.value}
          </p>
        )}
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value}>
            {action.isBusy.value ? "Reading" : "Add"}
          </button>
        </div>
      </form>
    </Card>
  );
};

const Remove: FunctionComponent<{ of: DocumentSummary; onClose: () => void }> = ({ of: document, onClose }) => {
  const action = useAction();
  const remove = (): Promise<boolean> =>
    action.run(async () => {
      await send("DELETE", `/v1/documents/${document.id}`);
      invalidate("/v1/documents");
      onClose();
    });
  return (
    <Dialog title={`Remove ${document.name}?`} onClose={onClose}>
      <div class="form">
        <p>It is found no more from then on. To have it back, add its file again.</p>
        {action.error.value && <Problem error={action.error.value} what="Not removed" />}
        <div class="actions">
          <button class="danger" type="button" disabled={action.isBusy.value} onClick={() => void remove()}>
            Remove for good
          </button>
        </div>
      </div>
    </Dialog>
  );
};
