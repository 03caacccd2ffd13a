/** Accounts whose deletion this page started; the server takes them out of the list when all is removed. */
import { useSyncExternalStore } from "react";

let closing: ReadonlySet<string> = new Set();
const watchers = new Set<() => void>();

export function markClosing(id: string): void {
  closing = new Set([...closing, id]);
  for (const notify of watchers) notify();
}

export function useIsClosing(id: string): boolean {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify);
      return () => watchers.delete(notify);
    },
    () => closing.has(id),
  );
}
