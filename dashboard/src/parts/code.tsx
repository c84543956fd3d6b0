/** Text to copy: a command, an example, a secret. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

const SHOWN_MS = 2000;

export const Code: FunctionComponent<{ text: string; label?: string }> = ({ text, label = "Copy" }) => (
  <div class="code">
    <pre tabIndex={0}>
      <code>{text}</code>
    </pre>
    <CopyButton text={text} label={label} />
  </div>
);

export const CopyButton: FunctionComponent<{ text: string; label?: string }> = ({ text, label = "Copy" }) => {
  const told = useSignal<string | null>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      told.value = "Copied";
    } catch {
      told.value = "Select the text to copy it"; // the browser offers it to safe addresses only
    }
    setTimeout(() => (told.value = null), SHOWN_MS);
  };
  return (
    <button class="small" type="button" onClick={() => void copy()}>
      <span aria-live="polite">{told.value ?? label}</span>
    </button>
  );
};

/** This platform's address, for commands. */
export const address = (): string => location.origin;
