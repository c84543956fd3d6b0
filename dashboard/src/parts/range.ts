/** The range of time in the address, moved on as time passes. */

import { useEffect, useState } from "preact/hooks";

import { type Range, rangeOf } from "../ranges";
import { param } from "../router";

const CHECK_MS = 30_000;

export function useRange(): Range {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), CHECK_MS);
    return () => clearInterval(timer);
  }, []);
  return rangeOf(param("range"), now);
}
