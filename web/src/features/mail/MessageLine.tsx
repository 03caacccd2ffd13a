import { IconCornerUpLeft, IconFlagFilled, IconPaperclip } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Mailbox, MessageRow } from "../../api/client";
import { directionOf, isolated } from "../../lib/texts";
import { Icon } from "../../ui/Icon";
import { Time } from "../../ui/Time";
import classes from "./Mail.module.css";

function nameOf(mailbox: Mailbox): string {
  return mailbox.name || mailbox.address;
}

/** Whom the mail is with: the sender, or the recipients of one's own mail. */
function Party({ message, own }: { message: MessageRow; own: string }) {
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
      {from ? nameOf(from) : "Unknown sender"}
    </span>
  );
}

interface MessageLineProps {
  message: MessageRow;
  accountId: string;
  own: string;
  folder: string | undefined;
  open: boolean;
  marked: boolean;
}

export function MessageLine({ message, accountId, own, folder, open, marked }: MessageLineProps) {
  return (
    <Link
      to="/accounts/$id/mail/$messageId"
      params={{ id: accountId, messageId: message.id }}
      search={{ folder }}
      className={classes.line}
      data-unread={!message.seen || undefined}
      data-marked={marked || undefined}
      aria-current={open ? "true" : undefined}
    >
      <span className={classes.lineTop}>
        {!message.seen && <span className={classes.dot} role="img" aria-label="Unread" />}
        <Party message={message} own={own} />
        <span className={classes.marks}>
          {message.answered && <Mark icon={IconCornerUpLeft} label="Answered" />}
          {message.flagged && <Mark icon={IconFlagFilled} label="Flagged" />}
          {message.has_attachments && <Mark icon={IconPaperclip} label="Has attachments" />}
        </span>
        <span className={classes.date}>
          <Time at={message.date} as="list" />
        </span>
      </span>
      <span className={classes.lineSubject} dir="auto">
        {message.subject || "(no subject)"}
      </span>
      <span className={classes.snippet} dir="auto">
        {message.snippet}
      </span>
    </Link>
  );
}

function Mark({ icon, label }: { icon: typeof IconPaperclip; label: string }) {
  return (
    <span role="img" aria-label={label}>
      <Icon of={icon} />
    </span>
  );
}
