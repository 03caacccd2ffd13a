import { IconCornerUpLeft, IconFlagFilled, IconPaperclip } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ThreadRow } from "../../api/client";
import { count, counted } from "../../lib/format";
import { directionOf, isolated } from "../../lib/texts";
import { Time } from "../../ui/Time";
import { Labels } from "./Labels";
import classes from "./Mail.module.css";
import { Mark } from "./MessageLine";
import threadClasses from "./Threads.module.css";
import { entrance, type View } from "./threads";

interface ThreadLineProps {
  thread: ThreadRow;
  /** The account's address: whose it is is called "me". */
  own: string;
  search: { folder?: string | undefined; view?: View | undefined };
  open: boolean;
  marked: boolean;
}

/** Who wrote in it, in order of appearance. */
export function peopleOf({ people, people_count }: ThreadRow, own: string): string {
  const names = people.map(({ name, address }) =>
    address.toLowerCase() === own.toLowerCase() ? "me" : isolated(name || address || "Unknown sender"),
  );
  const more = people_count - people.length;
  return names.join(", ") + (more > 0 ? ` and ${count(more)} more` : "");
}

/** A conversation in the list. */
export function ThreadLine({ thread, own, search, open, marked }: ThreadLineProps) {
  const { message_count: messages, unread_count: unread } = thread;
  const folderName = thread.folders.find(({ id }) => id === search.folder)?.name;
  return (
    <Link
      to="/accounts/$id/mail/$messageId"
      params={{ id: thread.account_id, messageId: entrance(thread) }}
      search={search}
      className={classes.line}
      data-unread={unread > 0 || undefined}
      data-marked={marked || undefined}
      aria-current={open ? "true" : undefined}
    >
      <span className={classes.lineTop}>
        {unread > 0 && (
          <span
            className={classes.dot}
            role="img"
            aria-label={messages > 1 ? `${count(unread)} unread` : "Unread"}
          />
        )}
        <span className={classes.party} dir={directionOf(thread.people[0]?.name ?? "")}>
          {peopleOf(thread, own)}
        </span>
        {messages > 1 && (
          <span className={threadClasses.count}>
            <span aria-hidden>{count(messages)}</span>
            <span className={threadClasses.spoken}>{counted(messages, "message")}</span>
          </span>
        )}
        <span className={classes.marks}>
          {thread.answered && <Mark icon={IconCornerUpLeft} label="Answered" />}
          {thread.flagged && <Mark icon={IconFlagFilled} label="Flagged" />}
          {thread.has_attachments && <Mark icon={IconPaperclip} label="Has attachments" />}
        </span>
        <span className={classes.date}>
          <Time at={thread.date} as="list" />
        </span>
      </span>
      <span className={classes.withLabels}>
        <Labels labels={thread.labels} except={folderName} />
        <span className={classes.lineSubject} dir="auto">
          {thread.subject || "(no subject)"}
        </span>
      </span>
      <span className={classes.snippet} dir="auto">
        {thread.snippet}
      </span>
    </Link>
  );
}
