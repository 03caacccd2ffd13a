import { Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import type { MessageRow, Thread } from "../../api/client";
import { counted } from "../../lib/format";
import { Time } from "../../ui/Time";
import { usePending } from "./acting";
import { withActs } from "./acts";
import classes from "./Mail.module.css";
import threadClasses from "./Threads.module.css";
import { threadQuery, type View } from "./threads";

/** Lines above and below the open message; the rest on request. */
const NEAR = 3;

interface ConversationProps {
  accountId: string;
  threadId: string;
  /** The open message, which the children show. */
  messageId: string;
  search: {
    folder?: string | undefined;
    q?: string | undefined;
    all?: boolean | undefined;
    view?: View | undefined;
  };
  children: ReactNode;
}

/** The open message between the other messages of its conversation, a line each. */
export function Conversation({ accountId, threadId, messageId, search, children }: ConversationProps) {
  const thread = useInfiniteQuery(threadQuery(accountId, threadId));
  const pending = usePending();
  const all = useMemo(
    () => thread.data?.pages.flatMap(({ messages }) => messages.map((each) => withActs(each, pending))) ?? [],
    [thread.data, pending],
  );
  const at = all.findIndex(({ id }) => id === messageId);
  // Far down in a conversation of thousands: what is around it is not here yet, and it stands alone.
  const before = at < 0 ? [] : all.slice(0, at);
  const after = at < 0 ? [] : all.slice(at + 1);
  const line = (each: MessageRow) => (
    <Other key={each.id} message={each} accountId={accountId} search={search} />
  );
  const probable = thread.data?.pages[0]?.probable ?? [];
  return (
    <div className={threadClasses.conversation}>
      <Lines
        key={`before ${messageId}`}
        label="Earlier in this conversation"
        hidden="start"
        lines={before.map(line)}
      />
      {children}
      <Lines
        key={`after ${messageId}`}
        label="Later in this conversation"
        hidden="end"
        lines={after.map(line)}
      >
        {at >= 0 && thread.hasNextPage && (
          <UnstyledButton className={classes.more} onClick={() => void thread.fetchNextPage()}>
            Load more of this conversation
          </UnstyledButton>
        )}
      </Lines>
      {probable.length > 0 && <Probable accountId={accountId} probable={probable} search={search} />}
    </div>
  );
}

interface LinesProps {
  label: string;
  lines: ReactNode[];
  /** Where those are that are not shown at first. */
  hidden: "start" | "end";
  children?: ReactNode;
}

function Lines({ label, lines, hidden, children }: LinesProps) {
  const [whole, setWhole] = useState(false);
  const rest = whole || lines.length <= NEAR + 1 ? 0 : lines.length - NEAR;
  const shown = hidden === "start" ? lines.slice(rest) : lines.slice(0, lines.length - rest);
  if (lines.length === 0) return children ? <div className={threadClasses.rest}>{children}</div> : null;
  const button = rest > 0 && (
    <UnstyledButton className={`${classes.more} ${threadClasses.rest}`} onClick={() => setWhole(true)}>
      Show {counted(rest, hidden === "start" ? "earlier message" : "later message")}
    </UnstyledButton>
  );
  return (
    <section aria-label={label} className={threadClasses.others}>
      {hidden === "start" && button}
      <ul className={threadClasses.lines}>{shown}</ul>
      {hidden === "end" && button}
      {children && <div className={threadClasses.rest}>{children}</div>}
    </section>
  );
}

interface OtherProps {
  message: MessageRow;
  accountId: string;
  search: ConversationProps["search"];
}

function Other({ message, accountId, search }: OtherProps) {
  const { from } = message;
  return (
    <li>
      <Link
        to="/accounts/$id/mail/$messageId"
        params={{ id: accountId, messageId: message.id }}
        search={search}
        className={threadClasses.other}
        data-unread={!message.seen || undefined}
      >
        {!message.seen && <span className={classes.dot} role="img" aria-label="Unread" />}
        <span className={threadClasses.who} dir="auto">
          {from ? from.name || from.address : "Unknown sender"}
        </span>
        <span className={threadClasses.what} dir="auto">
          {message.snippet || message.subject || "(no text)"}
        </span>
        <span className={classes.date}>
          <Time at={message.date} as="list" />
        </span>
      </Link>
    </li>
  );
}

interface ProbableProps {
  accountId: string;
  probable: Thread["probable"];
  search: ConversationProps["search"];
}

/** A subject alone joins nothing: a person sees whether they belong together. */
function Probable({ accountId, probable, search }: ProbableProps) {
  return (
    <section aria-label="Probably of this conversation" className={threadClasses.others}>
      <Text size="xs" c="dimmed" className={threadClasses.rest}>
        Probably of this conversation, by their subject
      </Text>
      <ul className={threadClasses.lines}>
        {probable.map((each) => (
          <li key={each.id}>
            <Link
              to="/accounts/$id/mail/$messageId"
              params={{ id: accountId, messageId: each.newest_id }}
              search={search}
              className={threadClasses.other}
            >
              <span className={threadClasses.what} dir="auto">
                {each.subject || "(no subject)"}
              </span>
              <span className={classes.date}>{counted(each.message_count, "message")}</span>
              <span className={classes.date}>
                <Time at={each.date} as="list" />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
