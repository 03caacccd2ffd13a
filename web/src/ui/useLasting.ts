import { useEffect, useState } from "react";

/** Whether `pending` has lasted for `afterMs`: then somebody should be told that it goes on. */
export function useLasting(pending: boolean, afterMs: number): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    setLasting(false);
    if (!pending) return;
    const timer = setTimeout(() => setLasting(true), afterMs);
    return () => clearTimeout(timer);
  }, [pending, afterMs]);
  return lasting && pending;
}
