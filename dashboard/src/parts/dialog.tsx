/** A question that is answered before anything else; Escape leaves it. */

import type { ComponentChildren, FunctionComponent } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export const Dialog: FunctionComponent<{ title: string; onClose: () => void; children: ComponentChildren }> = ({ title, onClose, children }) => {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} class="card" aria-labelledby={id} onClose={onClose}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        <button class="quiet small" type="button" onClick={() => element.current?.close()}>
          Close
        </button>
      </div>
      {children}
    </dialog>
  );
};
