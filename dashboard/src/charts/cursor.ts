/** The cursor of a chart: which of its moments is pointed at, by mouse, finger or arrow keys. */

import { useState } from "preact/hooks";

export interface Cursor {
  at: number | null;
  /** Properties of the element that takes the pointer and the focus. */
  handlers: {
    onPointerMove: (event: PointerEvent) => void;
    onPointerLeave: () => void;
    onKeyDown: (event: KeyboardEvent) => void;
    onBlur: () => void;
  };
}

/** A cursor over `total` moments; `indexAt` says which one lies at a horizontal offset in pixels. */
export function useCursor(total: number, indexAt: (x: number) => number): Cursor {
  const [at, move] = useState<number | null>(null);
  const clamp = (index: number): number => Math.min(total - 1, Math.max(0, index));
  return {
    at: at === null || total === 0 ? null : clamp(at),
    handlers: {
      onPointerMove: (event) => {
        const box = (event.currentTarget as Element).getBoundingClientRect();
        move(clamp(indexAt(event.clientX - box.left)));
      },
      onPointerLeave: () => move(null),
      onBlur: () => move(null),
      onKeyDown: (event) => {
        const target = moved(event.key, at, total);
        if (target === undefined) return;
        event.preventDefault();
        move(target);
      },
    },
  };
}

/** Where a key moves the cursor; undefined where it means nothing. */
export function moved(key: string, at: number | null, total: number): number | null | undefined {
  const last = total - 1;
  switch (key) {
    case "ArrowLeft":
      return at === null ? last : Math.max(0, at - 1);
    case "ArrowRight":
      return at === null ? 0 : Math.min(last, at + 1);
    case "Home":
      return 0;
    case "End":
      return last;
    case "Escape":
      return null;
    default:
      return undefined;
  }
}
