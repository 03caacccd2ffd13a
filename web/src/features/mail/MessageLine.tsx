import { IconCornerUpLeft, IconFlagFilled, IconPaperclip } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Mailbox, MessageRow, SearchHit } from "../../api/client";
import { directionOf, isolated } from "../../lib/texts";
import { Icon } from "../../ui/Icon";
import { Time } from "../../ui/Time";
import { placeOf } from "./acts";
import { Labels } from "./Labels";
import classes from "./Mail.module.css";
import { Marked } from "./Marked";
import type { View } from "./threads";

function nameOf(mailbox: Mailbox): string {
  return mailbox.name || mailbox.address;
}

/** Whom the mail is with: the sender, or the recipients of one's own mail. */
function Party({ message, own, hit }: { message: MessageRow; own: string; hit: SearchHit | undefined }) {
  const { from, to } = message;
  if (to.length > 0 && (!from || from.address.toLowerCase() === own.toLowerCase())) {
    const names = to.map(nameOf);
    return (
      <span className={classes.party}>
        To <span dir={directionOf(names[0] ?? "")}>{names.map(isolated).join(", ")}</span>
      </span>
    );
  }
  // A right-to-left name that is too long loses its end, as any other does.
  return (
    <span className={classes.party} dir="auto">
      {from ? hit ? <Marked parts={hit.from_parts} /> : nameOf(from) : "Unknown sender"}
    </span>
  );
}

interface MessageLineProps {
  message: MessageRow;
  accountId: string;
  own: string;
  /** What the address of the open message remembers of the list. */
  search: {
    folder?: string | undefined;
    q?: string | undefined;
    all?: boolean | undefined;
    view?: View | undefined;
  };
  open: boolean;
  marked: boolean;
  /** It was searched for. */
  hit?: SearchHit;
  /** The account, where the list is of several. */
  from?: string | undefined;
  onOpen?: (() => void) | undefined;
}

export function MessageLine(props: MessageLineProps) {
  const { message, accountId, own, search, open, marked, hit, from, onOpen } = props;
  const away = hit && placeOf(message, undefined);
  const folderName = message.folders.find(({ id }) => id === search.folder)?.name;
  return (
    <Link
      to="/accounts/$id/mail/$messageId"
      params={{ id: accountId, messageId: message.id }}
      search={search}
      onClick={onOpen}
      className={classes.line}
      data-unread={!message.seen || undefined}
      data-marked={marked || undefined}
      aria-current={open ? "true" : undefined}
    >
      <span className={classes.lineTop}>
        {!message.seen && <span className={classes.dot} role="img" aria-label="Unread" />}
        <Party message={message} own={own} hit={hit} />
        <span className={classes.marks}>
          {message.answered && <Mark icon={IconCornerUpLeft} label="Answered" />}
          {message.flagged && <Mark icon={IconFlagFilled} label="Flagged" />}
          {message.has_attachments && <Mark icon={IconPaperclip} label="Has attachments" />}
        </span>
        {away && <span className={classes.of}>{away.name}</span>}
        {from && <span className={classes.of}>{from}</span>}
        <span className={classes.date}>
          <Time at={message.date} as="list" />
        </span>
      </span>
      <span className={classes.withLabels}>
        <Labels labels={message.labels} except={folderName} />
        <span className={classes.lineSubject} dir="auto">
          {hit && message.subject ? <Marked parts={hit.subject_parts} /> : message.subject || "(no subject)"}
        </span>
      </span>
      <span className={classes.snippet} dir="auto">
        {hit ? <Marked parts={hit.excerpt} /> : message.snippet}
      </span>
    </Link>
  );
}

export function Mark({ icon, label }: { icon: typeof IconPaperclip; label: string }) {
  return (
    <span role="img" aria-label={label}>
      <Icon of={icon} />
    </span>
  );
}
