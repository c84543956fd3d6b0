/** A box with a heading; its content stays while new content is on its way. */

import type { ComponentChildren, FunctionComponent } from "preact";

import type { ApiError } from "../api";
import { Problem } from "./problem";

interface CardProps {
  title: string;
  note?: ComponentChildren;
  span?: 3 | 4 | 5 | 6 | 7 | 8 | 12;
  error?: ApiError | null;
  isOld?: boolean;
  tools?: ComponentChildren;
  children?: ComponentChildren;
}

/** Whether there is nothing to show yet. */
const isNothing = (children: ComponentChildren): boolean =>
  Array.isArray(children) ? children.every(isNothing) : children === undefined || children === null || children === false;

export const Card: FunctionComponent<CardProps> = ({ title, note, span = 12, error, isOld, tools, children }) => (
  <section class={`card span-${span}`} aria-busy={isOld || (!error && isNothing(children)) || undefined}>
    <div class="card-head">
      <div>
        <h2>{title}</h2>
        {note && <p class="muted">{note}</p>}
      </div>
      {tools && <div class="card-tools">{tools}</div>}
    </div>
    {error && <Problem error={error} />}
    <div class={isOld ? "old" : undefined}>{children}</div>
  </section>
);
