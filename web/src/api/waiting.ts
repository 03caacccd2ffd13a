/** Requests that the server has not answered for a while: somebody who waits should know what for. */
import { useSyncExternalStore } from "react";

/** Longer than a slow answer, shorter than patience. */
export const LATE_MS = 5_000;

let late = 0;
const watchers = new Set<() => void>();

function change(by: number): void {
  late += by;
  for (const notify of watchers) notify();
}

/** Counts a request as late from `LATE_MS` on until it ends. */
export async function watched<T>(answer: Promise<T>): Promise<T> {
  let counted = false;
  const timer = setTimeout(() => {
    counted = true;
    change(1);
  }, LATE_MS);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
    if (counted) change(-1);
  }
}

function watch(notify: () => void): () => void {
  watchers.add(notify);
  return () => watchers.delete(notify);
}

/** Whether any request is late. */
export function useLate(): boolean {
  return useSyncExternalStore(watch, () => late > 0);
}
