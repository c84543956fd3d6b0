/** Whether the audit log is as it was written: all of it is read when somebody asks. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { get, type Verified, withQuery } from "../api";
import { count } from "../format";
import { useAction } from "../parts/action";
import { Card } from "../parts/card";
import { Code } from "../parts/code";
import { Field } from "../parts/field";
import { Problem } from "../parts/problem";

export const Chain: FunctionComponent = () => {
  const earlier = useSignal({ records: "", head: "" });
  const found = useSignal<Verified | null>(null);
  const action = useAction();
  const check = (): Promise<boolean> =>
    action.run(async () => {
      found.value = null;
      found.value = await get<Verified>(withQuery("/v1/audit/verification", earlier.value));
    });
  const { records, head } = earlier.value;
  return (
    <Card title="The chain" note="Each record holds a hash over itself and the one before it, so no record can be changed, removed or inserted unseen.">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void check();
        }}
      >
        <details>
          <summary>Compare with an earlier check</summary>
          <div class="form">
            <Field label="Records" hint="What that check said; it then shows too whether the end was cut off">
              <input
                inputMode="numeric"
                pattern="[0-9]{1,12}"
                required={head !== ""}
                value={records}
                onInput={(event) => (earlier.value = { ...earlier.value, records: event.currentTarget.value.trim() })}
              />
            </Field>
            <Field label="Head">
              <input
                class="mono"
                pattern="[0-9a-f]{64}"
                title="64 hexadecimal digits"
                required={records !== ""}
                value={head}
                onInput={(event) => (earlier.value = { ...earlier.value, head: event.currentTarget.value.trim() })}
              />
            </Field>
          </div>
        </details>
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value}>
            {action.isBusy.value ? "Checking…" : "Check the whole log"}
          </button>
        </div>
        {action.error.value && <Problem error={action.error.value} what="Not checked" />}
        {found.value && <Told of={found.value} />}
      </form>
    </Card>
  );
};

const Told: FunctionComponent<{ of: Verified }> = ({ of: found }) =>
  found.intact ? (
    <>
      <p class="done" role="status">
        Intact: {count(found.records)} records, none changed, removed or inserted.
      </p>
      <p class="muted">Keep this somewhere else; the next check compares with it:</p>
      <Code text={`headgate audit verify --records ${found.records} --head ${found.head}`} />
    </>
  ) : (
    <p class="problem" role="alert">
      <strong>Not intact:</strong> record {count(found.firstWrong ?? 0)} of {count(found.records)} is not the one that was written.
    </p>
  );
