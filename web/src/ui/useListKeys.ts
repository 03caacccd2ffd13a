import { useCallback, useEffect, useState } from "react";
import { type Shortcut, useShortcuts } from "./shortcuts";

/**
 * `j`, `k` and `Enter` in a list of `length` rows. The active row is marked by the list; `show` brings it into
 * view (rows may be virtual). Where rows can be chosen, `extend` does so from one row to the next, by `J` and `K`.
 */
export function useListKeys(options: {
  length: number;
  show: (index: number) => void;
  open: (index: number) => void;
  noun: string;
  extend?: ((from: number, to: number) => void) | undefined;
}): { active: number; setActive: (index: number) => void } {
  const [active, setActive] = useState(-1);
  const { length, show, open, noun, extend } = options;
  useEffect(() => {
    if (active >= length) setActive(length - 1);
  }, [active, length]);
  const move = useCallback(
    (step: number) => {
      if (length === 0) return active;
      const next = Math.min(length - 1, Math.max(0, active + step));
      setActive(next);
      show(next);
      return next;
    },
    [active, length, show],
  );
  const stretch = (step: number) => {
    const next = move(step);
    if (next >= 0) extend?.(active < 0 ? next : active, next);
  };
  const stretching: Shortcut[] = [
    { keys: "J", label: "Extend the selection down", group: "Lists", run: () => stretch(1) },
    { keys: "K", label: "Extend the selection up", group: "Lists", run: () => stretch(-1) },
  ];
  useShortcuts([
    { keys: "j", label: `Next ${noun}`, group: "Lists", run: () => move(1) },
    { keys: "k", label: `Previous ${noun}`, group: "Lists", run: () => move(-1) },
    { keys: "Enter", label: `Open ${noun}`, group: "Lists", run: () => active >= 0 && open(active) },
    ...(extend ? stretching : []),
  ]);
  return { active, setActive };
}
