import { useCallback, useEffect, useRef } from "react";
import { useListKeys } from "../../ui/useListKeys";

interface RowsOptions {
  items: { id: string }[];
  /** What is open beside the list. */
  openId: string | undefined;
  open: (id: string, replace: boolean) => void;
  noun?: string;
}

/** Keys of a list of messages, and its place: the open message is marked and in view. */
export function useRows({ items, openId, open, noun = "message" }: RowsOptions) {
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
  });
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
