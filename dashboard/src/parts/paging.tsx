/** The way through a list by its cursors: to older pages, and back to newer ones. */

import type { FunctionComponent } from "preact";
import { useRef } from "preact/hooks";

import { setParams } from "../router";

interface PagingProps {
  cursor: string | null;
  next: string | null;
  /** The parameter that names what is open on a page, which is closed when it is turned. */
  opened: string;
}

export const Paging: FunctionComponent<PagingProps> = ({ cursor, next, opened }) => {
  // The cursors of the pages before this one. Nothing comes before the first, whatever led there.
  const trail = useRef<(string | null)[]>([]);
  if (cursor === null) trail.current = [];
  const turn = (to: string | null): void => setParams({ cursor: to, [opened]: null });
  return (
    <div class="pages">
      <button type="button" disabled={cursor === null} onClick={() => turn(trail.current.pop() ?? null)}>
        Newer
      </button>
      <button
        type="button"
        disabled={next === null}
        onClick={() => {
          trail.current.push(cursor);
          turn(next);
        }}
      >
        Older
      </button>
    </div>
  );
};
