import { useCallback, useEffect, useState } from "react";
import { useShortcuts } from "./shortcuts";

/**
 * `j`, `k` and `Enter` in a list of `length` rows. The active row is marked by the list; `show` brings it into
 * view (rows may be virtual).
 */
export function useListKeys(options: {
  length: number;
  show: (index: number) => void;
  open: (index: number) => void;
  noun: string;
}): { active: number; setActive: (index: number) => void } {
  const [active, setActive] = useState(-1);
  const { length, show, open, noun } = options;
  useEffect(() => {
    if (active >= length) setActive(length - 1);
  }, [active, length]);
  const move = useCallback(
    (step: number) => {
      if (length === 0) return;
      const next = Math.min(length - 1, Math.max(0, active + step));
      setActive(next);
      show(next);
    },
    [active, length, show],
  );
  useShortcuts([
    { keys: "j", label: `Next ${noun}`, group: "Lists", run: () => move(1) },
    { keys: "k", label: `Previous ${noun}`, group: "Lists", run: () => move(-1) },
    { keys: "Enter", label: `Open ${noun}`, group: "Lists", run: () => active >= 0 && open(active) },
  ]);
  return { active, setActive };
}
