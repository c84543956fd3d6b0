/** Asks again every so often while somebody looks, for what no hint tells of. */

import { useEffect } from "preact/hooks";

import { tick } from "../live";

export function usePoll(everyMs: number, call: () => void): void {
  const turn = Math.floor(Date.parse(tick.value?.at ?? "") / everyMs);
  useEffect(() => {
    if (turn && !document.hidden) call();
  }, [turn]);
}
