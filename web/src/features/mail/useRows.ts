import { useCallback, useEffect, useLayoutEffect, useRef } from "react";
import { useListKeys } from "../../ui/useListKeys";

interface RowsOptions {
  items: { id: string }[];
  /** What is open beside the list. */
  openId: string | undefined;
  open: (id: string, replace: boolean) => void;
  /** Chooses the rows from one to the next. */
  extend?: ((from: number, to: number) => void) | undefined;
  noun?: string;
}

/** Keys of a list of messages, and its place: the open message is marked and in view. */
export function useRows({ items, openId, open, extend, noun = "message" }: RowsOptions) {
  const scroll = useRef<(index: number) => void>(undefined);
  const onReady = useCallback((next: (index: number) => void) => {
    scroll.current = next;
  }, []);
  const openAt = (index: number, replace: boolean) => {
    const id = items[index]?.id;
    if (id) open(id, replace);
  };
  const show = (index: number) => {
    scroll.current?.(index);
    if (openId) openAt(index, true);
  };
  const { active, setActive } = useListKeys({
    length: items.length,
    show,
    open: (index) => openAt(index, false),
    noun,
    extend,
  });
  // The mark stays on its message, not on its place: new mail must not slip under a key that deletes.
  const marked = useRef<{ items: { id: string }[]; id: string | undefined }>({ items, id: undefined });
  useLayoutEffect(() => {
    const { items: before, id } = marked.current;
    const moved = before !== items && id !== undefined && items[active]?.id !== id;
    const now = moved ? items.findIndex((each) => each.id === id) : -1;
    if (now >= 0) setActive(now);
    marked.current = { items, id: now >= 0 ? id : items[active]?.id };
  }, [items, active, setActive]);
  const at = items.findIndex((each) => each.id === openId);
  // Opening by mouse marks the row too, so that j and k go on from there.
  if (at >= 0 && at !== active) setActive(at);
  // A link may open a message far down in the list.
  const listed = at >= 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once when it is found, not whenever new mail moves it
  useEffect(() => {
    if (listed) scroll.current?.(at);
  }, [openId, listed]);
  return { active, setActive, scroll, onReady };
}
