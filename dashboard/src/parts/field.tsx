/** One question of a form, with its label and what helps to answer it. */

import { cloneElement, type FunctionComponent, type VNode } from "preact";
import { useId } from "preact/hooks";

export const Field: FunctionComponent<{ label: string; hint?: string; children: VNode<object> }> = ({ label, hint, children }) => {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {cloneElement(children, { id, "aria-describedby": hint ? `${id}-hint` : undefined })}
      {hint && (
        <p class="muted" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
};
