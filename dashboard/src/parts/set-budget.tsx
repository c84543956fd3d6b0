/** A budget that is set, changed or removed. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { send } from "../api";
import { invalidate } from "../resource";
import { ownWorkspace } from "../session";
import { useAction } from "./action";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { Problem } from "./problem";

const SCOPES = ["key", "user", "workspace", "model"] as const;
/** What the administrator of a workspace may bound. */
const OF_WORKSPACES = ["key", "user"] as const;
export type BudgetScope = (typeof SCOPES)[number];

/** An empty `id` is still to be said, an empty `amount` means that there is no budget yet. */
export type BudgetDraft = { scope: BudgetScope; id: string; amount: string; hard: boolean };

export const SetBudget: FunctionComponent<{ draft: BudgetDraft; onClose: () => void }> = ({ draft, onClose }) => {
  const form = useSignal(draft);
  const action = useAction();
  const change = (fields: Partial<BudgetDraft>): void => void (form.value = { ...form.value, ...fields });
  const put = (monthlyBudget: number | null): Promise<boolean> =>
    action.run(async () => {
      const { scope, id, hard } = form.value;
      await send("PUT", "/v1/usage/budget", { scope, id: id.trim(), monthlyBudget, hard });
      invalidate("/v1/usage/budgets");
      onClose();
    });
  return (
    <Dialog title={draft.amount ? "Change a budget" : "Set a budget"} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void put(Number(form.value.amount));
        }}
      >
        <Field label="For a">
          <select value={form.value.scope} disabled={draft.id !== ""} onChange={(event) => change({ scope: event.currentTarget.value as BudgetScope })}>
            {(ownWorkspace.value === null ? SCOPES : OF_WORKSPACES).map((scope) => (
              <option key={scope}>{scope}</option>
            ))}
          </select>
        </Field>
        <Field label="Id" hint="A key's id, or the name of a user, workspace or model; it need not have been used yet">
          <input required value={form.value.id} disabled={draft.id !== ""} onInput={(event) => change({ id: event.currentTarget.value })} />
        </Field>
        <Field label="US dollars a month" hint="Billed; holds from now on, and counts what was spent this month">
          <input type="number" required min="0" step="any" inputMode="decimal" value={form.value.amount} onInput={(event) => change({ amount: event.currentTarget.value })} />
        </Field>
        <label class="check">
          <input type="checkbox" checked={form.value.hard} onChange={(event) => change({ hard: event.currentTarget.checked })} />
          Hard: refuse calls that it cannot cover
        </label>
        {action.error.value && <Problem error={action.error.value} what="Not set" />}
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value}>
            Save
          </button>
          {draft.amount && (
            <button class="danger" type="button" disabled={action.isBusy.value} onClick={() => void put(null)}>
              Remove the limit
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
};
