import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import type { Outgoing } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { isolated } from "../../lib/texts";
import { LONG_WORDS, ServerWords } from "../../ui/ServerWords";
import { StateLabel } from "../../ui/StateLabel";
import { Time } from "../../ui/Time";
import { useCancel, useResolve } from "./queries";
import classes from "./Send.module.css";
import { RECIPIENT_STATES, SEND_STATES, SENT_COPY } from "./words";

function tell(title: string) {
  return (error: unknown) => notifications.show({ color: "red", title, message: asApiError(error).message });
}

/** One message handed over for sending: how far it is, why, and what each recipient's server answered. */
export function OutboxEntry({ outgoing, marked }: { outgoing: Outgoing; marked: boolean }) {
  const { word, tone, icon } = SEND_STATES[outgoing.state];
  const repeated = outgoing.recipients.some(({ server_words }) => server_words === outgoing.server_words);
  const said = outgoing.server_words && !repeated && <Reply>{outgoing.server_words}</Reply>;
  const copy = outgoing.state === "sent" ? SENT_COPY[outgoing.sent_copy] : undefined;
  return (
    <article className={classes.entry} data-marked={marked || undefined} aria-current={marked || undefined}>
      <div className={classes.top}>
        <Text fw={500} className={classes.subject} dir="auto">
          {outgoing.subject || "(no subject)"}
        </Text>
        <StateLabel tone={tone} icon={icon}>
          {word}
        </StateLabel>
        <Text size="xs" c="dimmed" className={classes.when}>
          <Time at={outgoing.sent_at ?? outgoing.created_at} />
        </Text>
      </div>
      {(outgoing.why || outgoing.next_attempt_at) && (
        <Text size="xs">
          {outgoing.why}{" "}
          {outgoing.next_attempt_at && (
            <Text span size="xs" c="dimmed" className={classes.next}>
              Next attempt <Time at={outgoing.next_attempt_at} as="due" />
            </Text>
          )}
        </Text>
      )}
      {outgoing.why && said}
      <Recipients outgoing={outgoing} />
      {!outgoing.why && said}
      {copy && (
        <Text size="xs" c="dimmed">
          {copy}
        </Text>
      )}
      {outgoing.state === "queued" && <Cancel id={outgoing.id} />}
      {outgoing.state === "uncertain" && <Uncertain id={outgoing.id} />}
    </article>
  );
}

const ENDED: Outgoing["state"][] = ["cancelled", "failed"];

function Recipients({ outgoing }: { outgoing: Outgoing }) {
  if (outgoing.recipients.length === 0) {
    return (
      <Text size="xs" c="dimmed">
        To {outgoing.to.map(isolated).join(", ")}
      </Text>
    );
  }
  return (
    <ul className={classes.recipients} aria-label="Recipients">
      {outgoing.recipients.map((recipient) => {
        const { word, tone, icon } = RECIPIENT_STATES[recipient.state];
        // A pending recipient of a message that has ended will get no answer any more.
        const open = recipient.state === "pending" && outgoing.state === "uncertain" ? "Unknown" : word;
        return (
          <li key={recipient.address}>
            <span className={classes.address}>{recipient.address}</span>
            {(recipient.state !== "pending" || !ENDED.includes(outgoing.state)) && (
              <StateLabel tone={tone} icon={icon}>
                {open}
              </StateLabel>
            )}
            {recipient.server_words && <Reply>{recipient.server_words}</Reply>}
          </li>
        );
      })}
    </ul>
  );
}

/** What the server said: among the other words, as long as it is short. */
function Reply({ children }: { children: string }) {
  if (children.length > LONG_WORDS) return <ServerWords>{children}</ServerWords>;
  return (
    <code className={classes.reply} dir="auto">
      {children}
    </code>
  );
}

function Cancel({ id }: { id: string }) {
  const cancel = useCancel(id);
  return (
    <Group>
      <Button
        size="compact-sm"
        variant="default"
        loading={cancel.isPending}
        onClick={() => cancel.mutate(undefined, { onError: tell("Not cancelled") })}
      >
        Cancel sending
      </Button>
    </Group>
  );
}

const CONFIRM = {
  sent: {
    title: "Mark as sent?",
    text: "The message counts as sent from now on. Nothing is sent by this.",
    button: "It was sent",
  },
  unsent: {
    title: "Mark as not sent?",
    text: "The message counts as failed. It is not sent again by itself; write it again if it should go out.",
    button: "It was not sent",
  },
};

/** Only a person can say what happened when no verdict came after the message was handed over. */
function Uncertain({ id }: { id: string }) {
  const [asking, setAsking] = useState<keyof typeof CONFIRM>();
  const resolve = useResolve(id);
  const confirm = CONFIRM[asking ?? "sent"];
  return (
    <>
      <Text size="xs">
        Posthouse never sends it again by itself, so that nobody gets it twice. Look into the Sent folder or
        ask the recipient, then say what is true.
      </Text>
      <Group gap="sm">
        <Button size="compact-sm" variant="default" onClick={() => setAsking("sent")}>
          It was sent
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => setAsking("unsent")}>
          It was not sent
        </Button>
      </Group>
      <Modal
        opened={asking !== undefined}
        onClose={() => setAsking(undefined)}
        title={confirm.title}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Stack>
          <Text>{confirm.text}</Text>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={() => setAsking(undefined)}>
              Back
            </Button>
            <Button
              data-autofocus
              loading={resolve.isPending}
              onClick={() =>
                resolve.mutate(asking === "sent", {
                  onSettled: () => setAsking(undefined),
                  onError: tell("Not saved"),
                })
              }
            >
              {confirm.button}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
