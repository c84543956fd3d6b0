/** Signing in: one field, for an administrator's key. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";

import { Mark } from "../app";
import { offersSignOn, refusal, signIn } from "../session";

export const Login: FunctionComponent = () => {
  const key = useSignal("");
  const isBusy = useSignal(false);
  useEffect(() => {
    document.title = "Sign in · Headgate";
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    await signIn({ apiKey: key.value.trim() });
    isBusy.value = false;
  };
  return (
    <main class="login">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <div class="brand">
          <Mark />
          Headgate
        </div>
        <h1>Sign in</h1>
        <p class="muted">
          With an admin key. <code>headgate serve</code> prints one at its first start, and a link that signs in at every start.
        </p>
        {/* Password managers keep a key under a name; nobody is asked for one. */}
        <input type="text" name="username" autocomplete="username" value="headgate" readOnly hidden />
        <label for="key">Admin key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          placeholder="sk-proj-…"
          required
          autofocus
          value={key.value}
          onInput={(event) => (key.value = event.currentTarget.value)}
          aria-describedby={refusal.value ? "refusal" : undefined}
          aria-invalid={refusal.value ? true : undefined}
        />
        {refusal.value && (
          <p class="problem" id="refusal" role="alert">
            {sentence(refusal.value.message)}
            {refusal.value.requestId && <small class="mono"> {refusal.value.requestId}</small>}
          </p>
        )}
        <button class="primary" type="submit" disabled={isBusy.value || !key.value.trim()}>
          Sign in
        </button>
        {offersSignOn.value && (
          <a class="button" href="/v1/session/sign-on">
            Sign in with single sign-on
          </a>
        )}
      </form>
    </main>
  );
};

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
