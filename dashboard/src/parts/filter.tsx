/** One condition of a list, as a text or a day; it counts once it is written to its end. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent, TargetedEvent } from "preact";

import { Field } from "./field";

interface FilterProps {
  label: string;
  value: string;
  onSet: (value: string) => void;
  placeholder?: string;
  /** Where a day is asked for: the first or last one that makes sense. */
  day?: { min?: string; max?: string };
}

export const Filter: FunctionComponent<FilterProps> = ({ label, value, onSet, placeholder = "", day }) => {
  // A page that is drawn anew while somebody types must not take away what they typed.
  const typed = useSignal<string | null>(null);
  const shown = {
    value: typed.value ?? value,
    onInput: (event: TargetedEvent<HTMLInputElement>) => void (typed.value = event.currentTarget.value),
    onChange: (event: TargetedEvent<HTMLInputElement>) => {
      typed.value = null;
      onSet(event.currentTarget.value.trim());
    },
  };
  return <Field label={label}>{day ? <input type="date" {...day} {...shown} /> : <input placeholder={placeholder} {...shown} />}</Field>;
};
