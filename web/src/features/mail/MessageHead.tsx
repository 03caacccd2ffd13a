import { Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Mailbox, Message } from "../../api/client";
import { bytes } from "../../lib/format";
import { isolated } from "../../lib/texts";
import { exactTime } from "../../lib/time";
import { Icon } from "../../ui/Icon";
import { Time } from "../../ui/Time";
import classes from "./Mail.module.css";

function full(mailbox: Mailbox): string {
  return mailbox.name
    ? `${isolated(mailbox.name)} <${isolated(mailbox.address)}>`
    : isolated(mailbox.address);
}

function names(list: Mailbox[]): string {
  return list.map((each) => isolated(each.name || each.address)).join(", ");
}

/** Who wrote to whom and when; all headers that matter on request. */
export function MessageHead({ message }: { message: Message }) {
  const [open, { toggle }] = useDisclosure();
  return (
    <div className={classes.head}>
      <div className={classes.headLine}>
        <div className={classes.headNames}>
          <Text fw={500} component="bdi">
            {message.from ? message.from.name || message.from.address : "Unknown sender"}
          </Text>
          {message.from?.name && (
            <Text size="xs" c="dimmed" component="bdi">
              {message.from.address}
            </Text>
          )}
        </div>
        <Text size="xs" c="dimmed" component="span">
          <Time at={message.date} />
        </Text>
      </div>
      <UnstyledButton className={classes.details} onClick={toggle} aria-expanded={open}>
        <Icon of={open ? IconChevronDown : IconChevronRight} />
        <span>{message.to.length > 0 ? `To ${names(message.to)}` : "Details"}</span>
      </UnstyledButton>
      {open && (
        <dl className={classes.headers}>
          <Row name="From">{message.from ? full(message.from) : "–"}</Row>
          <People name="To" list={message.to} />
          <People name="Cc" list={message.cc} />
          <People name="Bcc" list={message.bcc} />
          <People name="Reply to" list={message.reply_to} />
          <Row name="Date">{exactTime(message.date)}</Row>
          <Row name="Size">{bytes(message.size)}</Row>
          {message.folders.length > 0 && (
            <Row name="Folders">{message.folders.map((each) => isolated(each.name)).join(", ")}</Row>
          )}
          {message.message_id && <Row name="Message-ID">{message.message_id}</Row>}
        </dl>
      )}
    </div>
  );
}

function People({ name, list }: { name: string; list: Mailbox[] }) {
  if (list.length === 0) return null;
  return <Row name={name}>{list.map(full).join(", ")}</Row>;
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
