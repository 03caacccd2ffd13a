import { notifications } from "@mantine/notifications";
import { useEffect } from "react";
import { type Selection, useSelection } from "../../ui/selection";
import { type Shortcut, useShortcuts } from "../../ui/shortcuts";
import { isThread, type Target } from "./acts";
import { type MailActions, useMailActions } from "./MailActions";
import { useRows } from "./useRows";

interface MailRowsOptions<Row extends Target> {
  items: Row[];
  /** Which of them is open beside the list. */
  openId: string | undefined;
  noun?: "message" | "conversation";
  /** The open message is not here yet: what a key means is not known until then. */
  waits?: boolean;
  open: (id: string, replace: boolean) => void;
  /** Names what the list shows: what was chosen of another list is not meant. */
  shown: string;
}

/** A list of messages or conversations that can be chosen and changed, with its keys. */
export function useMailRows<Row extends Target>(options: MailRowsOptions<Row>) {
  const { items, openId, noun = "message", waits = false, open, shown } = options;
  const { list, opened, wish } = useMailActions();
  const selection = useSelection(items, items.length, shown);
  const extend = (from: number, to: number) => {
    const [here, there] = [items[from]?.id, items[to]?.id];
    if (!here || !there) return;
    // Going back over what was chosen gives it free again.
    const back = here !== there && selection.has(here) && selection.has(there);
    selection.choose(back ? [here] : [here, there], !back);
  };
  const rows = useRows({ items, openId, noun, open, extend });
  useEffect(() => {
    list.current = { items, open };
    return () => {
      list.current = undefined;
    };
  });
  const chosen = items.filter(({ id }) => selection.has(id));
  const marked = items[rows.active];
  const meant = (): Target[] => {
    if (chosen.length > 0) return chosen;
    // The message that is open may be far down in the list, where nothing is loaded yet.
    const there = opened.current?.row;
    if (there && openId && (there.id === openId || (!isThread(there) && there.thread_id === openId)))
      return [there];
    if (waits) return [];
    return marked ? [marked] : [];
  };
  const ask: Ask = (what) => {
    const targets = meant();
    if (targets.length === 0) {
      const message = waits ? "The message is not here yet." : `Mark a ${noun} first: j and k move the mark.`;
      notifications.show({ id: "mark first", message });
      return;
    }
    const next = typeof what === "function" ? what(targets) : what;
    // Marks are set one after the other; what has moved is chosen no more.
    wish(next, targets, next.kind === "flags" ? undefined : selection.clear);
  };
  useKeys(ask, selection, rows.active, noun);
  return { ...rows, selection, chosen };
}

type Asked = Parameters<MailActions["wish"]>[0];
type Ask = (what: Asked | ((rows: Target[]) => Asked)) => void;

/** Flags them all; takes the flag off where all have it. */
export const flagging = (rows: Target[]): Asked => ({
  kind: "flags",
  flagged: !rows.every((row) => row.flagged),
});

function useKeys(ask: Ask, selection: Selection, active: number, noun: string): void {
  const key = (keys: string, label: string, what: Parameters<Ask>[0]): Shortcut => ({
    keys,
    label,
    group: "Messages",
    run: () => ask(what),
  });
  useShortcuts([
    {
      keys: "x",
      label: `Select the marked ${noun}`,
      group: "Lists",
      run: () => selection.toggle(active, false),
    },
    {
      keys: "X",
      label: `Select from the last one to the marked ${noun}`,
      group: "Lists",
      run: () => selection.toggle(active, true),
    },
    key("e", "Archive", { kind: "archive" }),
    key("#", "Delete", { kind: "remove" }),
    key("v", "Move to a folder", { kind: "choose folder" }),
    key("!", "Move to Junk", { kind: "junk" }),
    key("s", "Flag, or remove the flag", flagging),
    key("U", "Mark as unread", { kind: "flags", seen: false }),
    key("I", "Mark as read", { kind: "flags", seen: true }),
  ]);
  useShortcuts(
    selection.count > 0
      ? [{ keys: "Escape", label: "Clear the selection", group: "Lists", run: selection.clear }]
      : [],
  );
}
