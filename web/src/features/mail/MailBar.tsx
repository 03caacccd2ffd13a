import { Button, Tooltip } from "@mantine/core";
import {
  IconAlertOctagon,
  IconArchive,
  IconFlag,
  IconFolderSymlink,
  type Icon as IconKind,
  IconMail,
  IconMailOpened,
  IconTrash,
} from "@tabler/icons-react";
import { count } from "../../lib/format";
import { Icon } from "../../ui/Icon";
import { SelectionBar } from "../../ui/SelectionBar";
import type { Selection } from "../../ui/selection";
import { isSeen, nounOf, type Target } from "./acts";
import { type MailActions, useMailActions } from "./MailActions";
import classes from "./MailBar.module.css";
import { flagging } from "./useMailRows";
import type { Rest } from "./useRest";

interface BarProps {
  selection: Selection;
  chosen: Target[];
  loaded: Target[];
  /** What is not loaded yet. */
  rest: Rest;
}

type Asked = Parameters<MailActions["wish"]>[0];

/** What can be done with the messages or conversations that are chosen. */
export function MailBar({ selection, chosen, loaded, rest }: BarProps) {
  const { wish } = useMailActions();
  if (chosen.length === 0) return null;
  const read = chosen.every(isSeen);
  const flag = flagging(chosen);
  const ask = (what: Asked) => wish(what, chosen, what.kind === "flags" ? undefined : selection.clear);
  const action = (label: string, keys: string, icon: IconKind, what: Asked) => (
    <Tooltip label={`${label} (${keys})`} key={label}>
      <Button
        size="compact-sm"
        variant="default"
        aria-label={label}
        leftSection={<Icon of={icon} />}
        classNames={{
          root: classes.action ?? "",
          label: classes.label ?? "",
          section: classes.section ?? "",
        }}
        // The second of two clicks was meant for what stood here before, such as "Select all".
        onClick={({ detail }) => detail < 2 && ask(what)}
      >
        {label}
      </Button>
    </Tooltip>
  );
  const unread = { kind: "flags", seen: !read } as const;
  const unflag = flag.kind === "flags" && flag.flagged === false;
  return (
    <SelectionBar
      label={`Selected ${nounOf(chosen)}s`}
      words={rest.loading ? `Loading ${count(loaded.length)}…` : `${count(chosen.length)} selected`}
      more={<More selection={selection} chosen={chosen} loaded={loaded} rest={rest} />}
      onClear={selection.clear}
      className={classes.bar}
    >
      {action("Archive", "e", IconArchive, { kind: "archive" })}
      {action("Delete", "#", IconTrash, { kind: "remove" })}
      {action("Move", "v", IconFolderSymlink, { kind: "choose folder" })}
      {action("Junk", "!", IconAlertOctagon, { kind: "junk" })}
      {read
        ? action("Mark as unread", "Shift U", IconMail, unread)
        : action("Mark as read", "Shift I", IconMailOpened, unread)}
      {action(unflag ? "Remove the flag" : "Flag", "s", IconFlag, flag)}
    </SelectionBar>
  );
}

/** How to choose more: first what is loaded, then what is not. */
function More({ selection, chosen, loaded, rest }: BarProps) {
  if (rest.loading) return null;
  const ids = loaded.map(({ id }) => id);
  const open = chosen.length < loaded.length;
  const some = rest.more ? `Select ${count(loaded.length)} loaded` : `Select all ${count(loaded.length)}`;
  const all = rest.total === undefined ? "Select all" : `Select all ${count(rest.total)}`;
  if (!open && !rest.more) return null;
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      onClick={() => (open ? selection.choose(ids, true) : void rest.load())}
    >
      {open ? some : all}
    </Button>
  );
}
