import { notifications } from "@mantine/notifications";
import { useEffect, useRef, useState } from "react";
import { count } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import type { Selection } from "../../ui/selection";

/** Messages that are chosen at once, at most: what is done with them is done in view. */
const MOST = 5_000;

interface Pages {
  items: { id: string }[];
}

interface List {
  hasNextPage: boolean;
  fetchNextPage: () => Promise<{
    data: { pages: Pages[] } | undefined;
    hasNextPage: boolean;
    isError: boolean;
    error: unknown;
  }>;
}

export interface Rest {
  /** There are messages that are not loaded. */
  more: boolean;
  loading: boolean;
  /** All of them, where that is known. */
  total: number | undefined;
  /** Loads what is missing, and chooses all. */
  load: () => Promise<void>;
}

/** What of a list is not loaded, and its way into the choice. */
export function useRest(list: List, selection: Selection, total: number | undefined): Rest {
  const [loading, setLoading] = useState(false);
  // Who clears the choice meanwhile, or leaves, does not want it any more.
  const wanted = useRef(false);
  useEffect(() => {
    if (selection.count === 0) wanted.current = false;
  }, [selection.count]);
  useEffect(
    () => () => {
      wanted.current = false;
    },
    [],
  );

  const load = async () => {
    wanted.current = true;
    setLoading(true);
    let ids: string[] = [];
    let more = list.hasNextPage;
    while (more && wanted.current && ids.length < MOST) {
      const next = await list.fetchNextPage();
      if (next.isError || !next.data) {
        const { message } = asApiError(next.error);
        notifications.show({ color: "red", title: "Not all could be loaded", message });
        break;
      }
      ids = next.data.pages.flatMap(({ items }) => items.map(({ id }) => id));
      more = next.hasNextPage;
    }
    setLoading(false);
    if (!wanted.current) return;
    wanted.current = false;
    if (more && ids.length >= MOST) {
      notifications.show({ message: `The newest ${count(ids.length)} are selected: the most at once.` });
    }
    selection.choose(ids, true);
  };
  return { more: list.hasNextPage, loading, total, load };
}
