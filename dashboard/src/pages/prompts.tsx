/** Prompts: the templates that calls are made from, block by block. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";

import { ApiError, type Prompt, type PromptDiff, type PromptSummary, type Rendered, send, withQuery } from "../api";
import { diffLines } from "../diff";
import { draftOf } from "../draft";
import { count } from "../format";
import { BarList } from "../parts/bar-list";
import { Card } from "../parts/card";
import { CopyButton } from "../parts/code";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { ForAdmins } from "../parts/for-admins";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { Table } from "../parts/table";
import { useResource } from "../resource";
import { href, param, place, setParams } from "../router";

const PREVIEW_AFTER_MS = 250;

export const Prompts: FunctionComponent = () => {
  const [, name] = place.value.path.split("/");
  return name ? <One key={name} name={decodeURIComponent(name)} /> : <All />;
};

/** The platform's own are fewer: one for each use case. */
const SHOWN = 30;

const All: FunctionComponent = () => {
  const all = useResource<{ data: PromptSummary[] }>("/v1/prompts");
  const list = all.data?.data;
  return (
    <>
      <PageHead title="Prompts" purpose="The templates that calls are made from: files with blocks, in versions." />
      <div class="grid">
        <Figure label="Templates" value={list && count(list.length)} note="Each for one use case" />
        <Figure label="Your own" value={list && count(list.filter((one) => one.origin === "own").length)} note="In place of the platform's, or beside them" />
        <Figure label="Versions" value={list && count(list.reduce((sum, one) => sum + one.versions.length, 0))} note="Of all templates together" />
        <Figure label="Use cases" value={list && count(new Set(list.map((one) => one.useCase)).size)} note="That have a template" />
        <Card title="All templates" note="In their latest versions" error={all.error}>
          {list &&
            (list.length ? (
              <Table<PromptSummary>
                label="All templates"
                id={(one) => one.name}
                rows={list}
                columns={[
                  { name: "Name", cell: (one) => <a href={href(`prompts/${one.name}`)}>{one.name}</a> },
                  { name: "Version", isNumber: true, cell: (one) => one.version },
                  { name: "Use case", cell: (one) => one.useCase },
                  { name: "Origin", cell: (one) => (one.origin === "own" ? "yours" : "Headgate's") },
                  { name: "What for", cell: (one) => <span class="wide">{one.description}</span> },
                ]}
              />
            ) : (
              <Empty command="headgate prompts list">Templates appear here from the platform and from your own directory.</Empty>
            ))}
        </Card>
        <Card title="Versions by template" note="How many of each are at hand" span={12}>
          {list && <BarList label="Versions by template" columns={["Template", "Versions"]} most={SHOWN} format={count} bars={list.map((one) => ({ name: one.name, value: one.versions.length, href: href(`prompts/${one.name}`) }))} />}
        </Card>
      </div>
    </>
  );
};

const One: FunctionComponent<{ name: string }> = ({ name }) => {
  const version = param("version");
  const found = useResource<Prompt>(withQuery(`/v1/prompts/${encodeURIComponent(name)}`, { version }));
  const prompt = found.data;
  return (
    <>
      <PageHead title={name} purpose={prompt?.description ?? "A prompt template."}>
        <a class="button" href={href("prompts")}>
          All prompts
        </a>
        {prompt && (
          <label class="inline">
            Version{" "}
            <select value={prompt.version} onChange={(event) => setParams({ version: event.currentTarget.value, with: null, block: null })}>
              {prompt.versions.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        )}
      </PageHead>
      {found.error && <Problem error={found.error} />}
      {prompt && <Editor key={`${prompt.name} ${prompt.version}`} prompt={prompt} />}
    </>
  );
};

const Editor: FunctionComponent<{ prompt: Prompt }> = ({ prompt }) => {
  const texts = useSignal(prompt.blocks.map((block) => block.text));
  const inputs = useSignal(JSON.stringify(prompt.example, null, 2));
  const style = useSignal("xml");
  const [chosen] = [prompt.blocks.findIndex((block) => block.name === param("block"))];
  const at = Math.max(0, chosen);
  const isDraft = texts.value.some((text, index) => text !== prompt.blocks[index]!.text);
  const source = draftOf(prompt, texts.value);
  const block = prompt.blocks[at];
  return (
    <div class="grid">
      <Card title="Blocks" note="Choose one to edit it; nothing is kept until you put the file in place" span={4}>
        <ol class="blocks">
          {prompt.blocks.map((one, index) => (
            <li key={one.name}>
              <button type="button" aria-pressed={index === at} onClick={() => setParams({ block: one.name })}>
                <strong>{one.name}</strong>
                <span class="muted">{texts.value[index] === one.text ? one.message : `${one.message}, edited`}</span>
              </button>
            </li>
          ))}
        </ol>
        <h3>Inputs</h3>
        <dl class="facts">
          {prompt.inputs.map((one) => (
            <>
              <dt key={one.name}>
                <span class="mono">{one.name}</span>
              </dt>
              <dd>
                {one.type}
                {one.required ? "" : ", optional"}
              </dd>
            </>
          ))}
        </dl>
      </Card>
      <Card title={block ? `Edit ${block.name}` : "Edit"} note="The preview follows as you type" span={8} tools={<CopyButton text={source} label={isDraft ? "Copy the draft as a file" : "Copy as file"} />}>
        <div class="form">
          {block && (
            <Field label={`Text of ${block.name}`}>
              <textarea
                class="mono"
                rows={Math.min(16, Math.max(5, texts.value[at]!.split("\n").length + 1))}
                value={texts.value[at]}
                onInput={(event) => (texts.value = texts.value.map((text, index) => (index === at ? event.currentTarget.value : text)))}
              />
            </Field>
          )}
          <Field label="Inputs of the preview" hint="JSON; the template's own example to begin with">
            <textarea class="mono" rows={4} value={inputs.value} onInput={(event) => (inputs.value = event.currentTarget.value)} />
          </Field>
          <Field label="Written for models that read">
            <select value={style.value} onChange={(event) => (style.value = event.currentTarget.value)}>
              <option value="xml">tags around blocks (xml)</option>
              <option value="headings">headings above blocks</option>
            </select>
          </Field>
        </div>
      </Card>
      <ForAdmins>
        <Preview name={prompt.name} source={source} inputs={inputs.value} style={style.value} />
      </ForAdmins>
      <Compare prompt={prompt} texts={texts.value} isDraft={isDraft} />
    </div>
  );
};

const Preview: FunctionComponent<{ name: string; source: string; inputs: string; style: string }> = ({ name, source, inputs, style }) => {
  const rendered = useSignal<Rendered | null>(null);
  const error = useSignal<ApiError | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(async () => {
      try {
        const answer = await send<Rendered>("POST", `/v1/prompts/${encodeURIComponent(name)}/render`, { template: source, inputs: JSON.parse(inputs), style });
        if (isCurrent) [rendered.value, error.value] = [answer, null];
      } catch (failure) {
        // The last good preview stays beside what is wrong now.
        if (isCurrent) error.value = failure instanceof ApiError ? failure : new ApiError("the inputs are no JSON", 0, "invalid", null);
      }
    }, PREVIEW_AFTER_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [source, inputs, style]);
  return (
    <Card title="Preview" note="The messages as a model reads them; no model is called">
      {error.value && <Problem error={error.value} what="Not filled in" />}
      {rendered.value?.messages.map((message, index) => (
        <div key={index} class={error.value ? "old" : undefined}>
          <h3>{message.role}</h3>
          <pre class="text" tabIndex={0}>
            {message.content}
          </pre>
        </div>
      ))}
    </Card>
  );
};

const Compare: FunctionComponent<{ prompt: Prompt; texts: string[]; isDraft: boolean }> = ({ prompt, texts, isDraft }) => {
  const others = prompt.versions.filter((one) => one !== prompt.version);
  const other = param("with");
  const asked = other && other !== "draft" ? withQuery(`/v1/prompts/${encodeURIComponent(prompt.name)}/diff`, { from: other, to: prompt.version }) : null;
  const diff = useResource<PromptDiff>(asked);
  const parts =
    other === "draft"
      ? prompt.blocks.flatMap((block, index) => (texts[index] === block.text ? [] : [{ part: block.name, before: block.text, after: texts[index]! }]))
      : diff.data?.changes;
  return (
    <Card
      title="Compare"
      note={other === "draft" ? `Version ${prompt.version} and your draft` : other ? `Version ${other} and version ${prompt.version}` : "What differs, side by side"}
      error={diff.error}
      tools={
        <label class="inline">
          With{" "}
          <select value={other ?? ""} onChange={(event) => setParams({ with: event.currentTarget.value || null })}>
            <option value="">nothing</option>
            {(isDraft || other === "draft") && <option value="draft">your draft</option>}
            {others.map((one) => (
              <option key={one} value={one}>
                version {one}
              </option>
            ))}
          </select>
        </label>
      }
    >
      {!other && <Empty>{others.length || isDraft ? "Choose what to compare this version with." : "There is one version, and no draft. Edit a block to compare the draft with it."}</Empty>}
      {other && parts && (parts.length ? parts.map((change) => <Change key={change.part} {...change} />) : <Empty>They are the same.</Empty>)}
    </Card>
  );
};

const Change: FunctionComponent<{ part: string; before: string | null; after: string | null }> = ({ part, before, after }) => (
  <div class="scroll" tabIndex={0} role="region" aria-label={`Changes of ${part}`}>
    <h3>{part}</h3>
    <table class="diff">
      <thead class="hidden">
        <tr>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {diffLines(before ?? "", after ?? "").map((row, index) => (
          <tr key={index}>
            <td class={row.isSame ? undefined : row.before === null ? "nothing" : "gone"}>{row.before}</td>
            <td class={row.isSame ? undefined : row.after === null ? "nothing" : "come"}>{row.after}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
