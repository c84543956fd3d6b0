/** Providers: the vendors of models, how they do, and with whose keys they are called. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { type Provider, send, type Usage, withQuery } from "../api";
import { ago, compact, count, date, money, percent } from "../format";
import { useAction } from "../parts/action";
import { BarList } from "../parts/bar-list";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { Dialog } from "../parts/dialog";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { ForAdmins } from "../parts/for-admins";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { useRange } from "../parts/range";
import { Table } from "../parts/table";
import { invalidate, useResource } from "../resource";
import { param, setParams } from "../router";

const STATES = { failing: "its last call failed", open: "left alone for now", probing: "being tried again", cooling: "asked not to be called for now" };

export const Providers: FunctionComponent = () => {
  const range = useRange();
  const all = useResource<{ data: Provider[] }>("/v1/providers", ["usage", "settings"], 3000);
  const usage = useResource<Usage<"provider">>(
    withQuery("/v1/usage", { from: range.from.toISOString(), to: range.to.toISOString(), groupBy: "provider" }),
    ["usage"],
  );
  const used = new Map(usage.data?.rows.map((row) => [row.provider, row]));
  const vendors = all.data?.data;
  const troubled = vendors?.filter((vendor) => Object.keys(vendor.troubles).length);
  const totals = usage.data?.totals;
  return (
    <>
      <PageHead title="Providers" purpose="The vendors of models, how they do, and with whose keys they are called." range={range} live />
      <div class="grid">
        <Figure label="Configured" value={vendors && count(vendors.filter((vendor) => vendor.isConfigured).length)} note="That the platform can call" />
        <Figure label="In trouble" value={troubled && count(troubled.length)} note="As this process sees it" />
        <Figure label="Vendor cost" value={totals && money(totals.cost)} note={totals && `${money(totals.billed)} billed`} isOld={usage.isOld} />
        <Figure label="Success rate" value={totals && (totals.requests ? percent(1 - totals.errors / totals.requests, 2) : "–")} note={totals && `${count(totals.errors)} of ${count(totals.requests)} failed`} isOld={usage.isOld} />
        <Card title="Vendor cost by provider" note="What vendors charge, US dollars" error={usage.error} isOld={usage.isOld}>
          {usage.data &&
            (usage.data.rows.length ? (
              <BarList
                label="Vendor cost by provider"
                columns={["Provider", "Vendor cost", "Requests"]}
                format={money}
                bars={usage.data.rows.map((row) => ({ name: row.provider ?? "unknown", value: row.cost, note: `${compact(row.requests)} req.` }))}
              />
            ) : (
              <Empty>Each vendor that is called appears here with what it costs.</Empty>
            ))}
        </Card>
        <Card title="All providers" note="A vendor that is not configured can be called by users with keys of their own" error={all.error}>
          {vendors && (
            <Table<Provider>
              label="All providers"
              id={(vendor) => vendor.provider}
              rows={vendors}
              columns={[
                { name: "Provider", cell: (vendor) => vendor.provider },
                { name: "State", cell: (vendor) => <State of={vendor} /> },
                { name: "Models", isNumber: true, cell: (vendor) => count(vendor.models) },
                { name: "Requests", isNumber: true, cell: (vendor) => count(used.get(vendor.provider)?.requests ?? 0) },
                { name: "Failed", isNumber: true, cell: (vendor) => count(used.get(vendor.provider)?.errors ?? 0) },
                { name: "Vendor cost", isNumber: true, cell: (vendor) => <Amount of={used.get(vendor.provider)?.cost ?? 0} /> },
                { name: "Billed", isNumber: true, cell: (vendor) => <Amount of={used.get(vendor.provider)?.billed ?? 0} /> },
                { name: "Users' own keys", cell: (vendor) => (vendor.takesKeys ? "possible" : <span class="muted">no</span>) },
              ]}
            />
          )}
        </Card>
        <OwnKeys vendors={vendors} />
      </div>
    </>
  );
};

const State: FunctionComponent<{ of: Provider }> = ({ of: vendor }) => {
  const troubles = Object.entries(vendor.troubles);
  if (!vendor.isConfigured) return <span class="badge">Not configured</span>;
  if (!troubles.length) return vendor.models ? <span class="badge good">Fine</span> : <span class="badge">No models found</span>;
  return (
    <ul>
      {troubles.map(([model, trouble]) => (
        <li key={model}>
          <span class={`badge ${trouble.state === "open" ? "bad" : "warn"}`}>
            {model}: {STATES[trouble.state]}, {trouble.lastError} since {ago(trouble.since)}
          </span>
        </li>
      ))}
    </ul>
  );
};

const OwnKeys: FunctionComponent<{ vendors: Provider[] | undefined }> = ({ vendors }) => {
  const user = param("user");
  const own = useResource<{ data: Provider[] }>(user && withQuery("/v1/providers", { userId: user }), ["settings"]);
  const doing = useSignal<{ what: "set" | "remove"; provider: string } | null>(null);
  const takers = (own.data?.data ?? vendors)?.filter((vendor) => vendor.takesKeys);
  return (
    <Card title="Users' own vendor keys" note="With one, a user's calls to that vendor are billed by the vendor to the user, and 0 here" error={own.error} isOld={own.isOld}>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Field label="User">
          <input value={user ?? ""} placeholder="whose keys" onChange={(event) => setParams({ user: event.currentTarget.value.trim() })} />
        </Field>
      </form>
      {user && own.data && takers ? (
        <Table<Provider>
          label={`Vendor keys of ${user}`}
          id={(vendor) => vendor.provider}
          rows={takers}
          columns={[
            { name: "Provider", cell: (vendor) => vendor.provider },
            {
              name: "Key",
              cell: (vendor) =>
                vendor.ownKey ? (
                  <>
                    <span class="mono">…{vendor.ownKey.lastFour}</span> <span class="muted">set {date(vendor.ownKey.setAt)}</span>
                  </>
                ) : (
                  <span class="muted">{vendor.isConfigured ? "the platform's" : "none, nor has the platform one"}</span>
                ),
            },
            {
              name: "Change",
              isUnnamed: true,
              isNumber: true,
              cell: (vendor) => (
                <ForAdmins>
                  <span class="row-actions">
                    <button class="small" type="button" aria-label={`Set a key for ${vendor.provider}`} onClick={() => (doing.value = { what: "set", provider: vendor.provider })}>
                      {vendor.ownKey ? "Replace" : "Set"}
                    </button>
                    {vendor.ownKey && (
                      <button class="small danger" type="button" aria-label={`Remove the key for ${vendor.provider}`} onClick={() => (doing.value = { what: "remove", provider: vendor.provider })}>
                        Remove
                      </button>
                    )}
                  </span>
                </ForAdmins>
              ),
            },
          ]}
        />
      ) : (
        <Empty>Name a user to see which vendors they have keys of their own for.</Empty>
      )}
      {doing.value && user && <SetOwnKey user={user} {...doing.value} onClose={() => (doing.value = null)} />}
    </Card>
  );
};

const SetOwnKey: FunctionComponent<{ user: string; what: "set" | "remove"; provider: string; onClose: () => void }> = ({ user, what, provider, onClose }) => {
  const key = useSignal("");
  const action = useAction();
  const submit = (): Promise<boolean> =>
    action.run(async () => {
      const path = `/v1/providers/${provider}/key`;
      if (what === "set") await send("PUT", path, { apiKey: key.value.trim(), userId: user });
      else await send("DELETE", withQuery(path, { userId: user }));
      invalidate("/v1/providers");
      onClose();
    });
  return (
    <Dialog title={what === "set" ? `A key of ${user}'s own for ${provider}` : `Remove ${user}'s key for ${provider}?`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {what === "set" ? (
          <Field label="Vendor key" hint="Kept encrypted, and never shown again but for its last four characters">
            <input type="password" autocomplete="off" required minLength={8} value={key.value} onInput={(event) => (key.value = event.currentTarget.value)} />
          </Field>
        ) : (
          <p>The user's calls to {provider} are made with the platform's key again, and billed.</p>
        )}
        {action.error.value && <Problem error={action.error.value} what="Not done" />}
        <div class="actions">
          <button class={what === "set" ? "primary" : "danger"} type="submit" disabled={action.isBusy.value}>
            {what === "set" ? "Save" : "Remove"}
          </button>
        </div>
      </form>
    </Dialog>
  );
};
