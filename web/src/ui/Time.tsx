import { Tooltip } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { dueTime, exactTime, lasted, listTime, relativeTime } from "../lib/time";

const TICK_MS = 1_000;
/** Times further away than this are told in minutes and more: they need no second hand. */
const NEAR_MS = 60_000;
const COARSE_MS = 10_000;
const watchers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(notify: () => void): () => void {
  watchers.add(notify);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of watchers) each();
  }, TICK_MS);
  return () => {
    watchers.delete(notify);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function snapshot(): number {
  // Without watchers nothing ticks, so a first reader would see an old time.
  if (watchers.size === 0) now = Date.now();
  return now;
}

/** The present as it matters to `at`: by the second within a minute of it, otherwise in steps of ten seconds. */
export function useNow(at: string): number {
  const moment = new Date(at).getTime();
  return useSyncExternalStore(watch, () => {
    const present = snapshot();
    return Math.abs(moment - present) <= NEAR_MS ? present : present - (present % COARSE_MS);
  });
}

const WORDS = {
  relative: relativeTime,
  due: dueTime,
  lasted,
  list: listTime,
};

/** A time in short words; the exact one, with its zone, on hover and for assistive technology. */
export function Time({ at, as = "relative" }: { at: string; as?: keyof typeof WORDS }) {
  const present = useNow(at);
  const words = WORDS[as](at, present);
  return (
    <Tooltip label={exactTime(at)}>
      <time dateTime={at} className="figures">
        {words}
      </time>
    </Tooltip>
  );
}
