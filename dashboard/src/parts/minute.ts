/** The present minute, moved on as time passes, for pages that show the last ones. */

import { useEffect, useState } from "preact/hooks";

const MINUTE_MS = 60_000;

export function useMinute(): Date {
  const [minute, setMinute] = useState(present);
  useEffect(() => {
    const timer = setInterval(() => setMinute(present), 1000);
    return () => clearInterval(timer);
  }, []);
  return new Date(minute);
}

function present(): number {
  return Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
}
