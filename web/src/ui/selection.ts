/** Which rows of a list are chosen: some of them by id, or all that the list would show. */
import { useCallback, useEffect, useRef, useState } from "react";

export interface Selection {
  /** All that match, loaded or not. */
  all: boolean;
  ids: ReadonlySet<string>;
  count: number;
  has: (id: string) => boolean;
  /** Chooses or leaves out a row; `range` does the same with every row from the last one that was. */
  toggle: (index: number, range: boolean) => void;
  /** Chooses these, or leaves them out. */
  choose: (ids: string[], on: boolean) => void;
  /** Every row that is loaded; none when they all are chosen. */
  toggleLoaded: () => void;
  chooseAll: () => void;
  clear: () => void;
}

const NONE: ReadonlySet<string> = new Set();

/** `asked` names what the list shows: what was chosen of something else is not meant any more. */
export function useSelection(rows: { id: string }[], total: number, asked: string): Selection {
  const [ids, setIds] = useState(NONE);
  const [all, setAll] = useState(false);
  const last = useRef<string>(undefined);
  const clear = useCallback(() => {
    setIds(NONE);
    setAll(false);
    last.current = undefined;
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list is the reason
  useEffect(clear, [asked, clear]);

  const choose = (which: string[], on: boolean) => {
    const next = new Set(ids);
    for (const id of which) {
      if (on) next.add(id);
      else next.delete(id);
    }
    last.current = which.at(-1);
    setIds(next);
  };
  const toggle = (index: number, range: boolean) => {
    const row = rows[index];
    if (!row || all) return;
    const from = range ? rows.findIndex(({ id }) => id === last.current) : -1;
    const [first, end] = from < 0 ? [index, index] : [Math.min(from, index), Math.max(from, index)];
    const between = rows.slice(first, end + 1).map(({ id }) => id);
    choose(between, !ids.has(row.id));
    last.current = row.id;
  };
  const loaded = rows.length > 0 && rows.every(({ id }) => ids.has(id));
  return {
    all,
    ids,
    count: all ? total : ids.size,
    has: (id) => all || ids.has(id),
    toggle,
    choose,
    toggleLoaded: () => (all || loaded ? clear() : setIds(new Set(rows.map(({ id }) => id)))),
    chooseAll: () => setAll(true),
    clear,
  };
}
