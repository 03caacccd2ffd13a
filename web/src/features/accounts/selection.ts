/** Which rows of the list are chosen: some of them by id, or all that match the filter. */
import { useCallback, useEffect, useRef, useState } from "react";
import type { AccountRow } from "../../api/client";
import type { AccountFilter } from "../../api/keys";
import { narrowing } from "./filter";

export interface Selection {
  /** All that match, loaded or not. */
  all: boolean;
  ids: ReadonlySet<string>;
  count: number;
  has: (id: string) => boolean;
  /** Chooses or leaves out a row; `range` does the same with every row from the last one that was. */
  toggle: (index: number, range: boolean) => void;
  /** Every row that is loaded; none when they all are chosen. */
  toggleLoaded: () => void;
  chooseAll: () => void;
  clear: () => void;
}

const NONE: ReadonlySet<string> = new Set();

export function useSelection(rows: AccountRow[], total: number, filter: AccountFilter): Selection {
  const [ids, setIds] = useState(NONE);
  const [all, setAll] = useState(false);
  const last = useRef<string>(undefined);
  const clear = useCallback(() => {
    setIds(NONE);
    setAll(false);
    last.current = undefined;
  }, []);
  const asked = JSON.stringify(narrowing(filter));
  // What was chosen among others is not meant any more.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is the reason
  useEffect(clear, [asked, clear]);

  const toggle = (index: number, range: boolean) => {
    const row = rows[index];
    if (!row || all) return;
    const from = range ? rows.findIndex(({ id }) => id === last.current) : -1;
    const [first, end] = from < 0 ? [index, index] : [Math.min(from, index), Math.max(from, index)];
    const next = new Set(ids);
    const choose = !ids.has(row.id);
    for (const each of rows.slice(first, end + 1)) {
      if (choose) next.add(each.id);
      else next.delete(each.id);
    }
    last.current = row.id;
    setIds(next);
  };
  const loaded = rows.length > 0 && rows.every(({ id }) => ids.has(id));
  return {
    all,
    ids,
    count: all ? total : ids.size,
    has: (id) => all || ids.has(id),
    toggle,
    toggleLoaded: () => (all || loaded ? clear() : setIds(new Set(rows.map(({ id }) => id)))),
    chooseAll: () => setAll(true),
    clear,
  };
}
