import { Button, Drawer, Group, Kbd, Modal, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { LATE_MS } from "../../api/waiting";
import { type ApiError, asApiError, isGone } from "../../lib/problem";
import { isolated } from "../../lib/texts";
import { ErrorSummary, type SummaryEntry } from "../../ui/ErrorSummary";
import { useUnsaved } from "../../ui/unsaved";
import { useLasting } from "../../ui/useLasting";
import { type SendValues, useSend } from "./queries";
import classes from "./Send.module.css";
import type { Sender } from "./SendPanelProvider";
import { SentNotice } from "./SentNotice";

interface SendPanelProps {
  from: Sender;
  idempotencyKey: string;
  /** Another account wants the panel. */
  asked: Sender | undefined;
  onKeep: () => void;
  onClose: () => void;
}

function announce(outgoingId: string): void {
  const id = `sent-${outgoingId}`;
  notifications.show({
    id,
    autoClose: false,
    message: <SentNotice id={outgoingId} onDone={() => setTimeout(() => notifications.hide(id), 8_000)} />,
  });
}

/** Writes one plain message from an account. The page behind stays usable. */
export default function SendPanel({ from, idempotencyKey, asked, onKeep, onClose }: SendPanelProps) {
  const [asking, setAsking] = useState(false);
  const { form, send, summary, round, submit } = useSendForm(from, idempotencyKey, onClose);
  const dirty = form.isDirty();
  const close = () => (dirty ? setAsking(true) : onClose());

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new wish asks, not typing
  useEffect(() => {
    if (!asked) return;
    if (dirty) setAsking(true);
    else onClose();
  }, [asked]);
  useUnsaved(dirty);
  const late = useLasting(send.isPending, LATE_MS);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  };

  return (
    <>
      <Drawer
        opened
        onClose={close}
        position="right"
        size="var(--panel-width)"
        title="Send email"
        padding="lg"
        closeButtonProps={{ "aria-label": "Close" }}
        closeOnEscape={!asking}
        withOverlay={false}
        lockScroll={false}
        trapFocus={false}
        closeOnClickOutside={false}
        classNames={{ content: classes.panel, body: classes.body, inner: classes.inner }}
      >
        <form
          className={classes.form}
          noValidate
          onKeyDown={onKeyDown}
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <ErrorSummary entries={summary} round={round} />
          <Text size="xs" c="dimmed">
            From{" "}
            <Text span c="var(--text)" size="sm">
              {from.display_name ? `${isolated(from.display_name)} <${from.address}>` : from.address}
            </Text>
          </Text>
          <TextInput
            id="to"
            label="To"
            placeholder="ben@old.test, Cleo <cleo@new.test>"
            autoComplete="off"
            autoFocus
            spellCheck={false}
            {...form.getInputProps("to")}
          />
          <TextInput
            id="subject"
            label="Subject"
            autoComplete="off"
            dir="auto"
            {...form.getInputProps("subject")}
          />
          <Textarea
            id="body"
            label="Message"
            dir="auto"
            classNames={{ root: classes.message, wrapper: classes.grow, input: classes.grow }}
            {...form.getInputProps("body")}
          />
          <Group justify="space-between">
            {late ? (
              <Group gap="sm" role="status">
                <Text size="xs">Still waiting for the server.</Text>
                <Button size="compact-sm" variant="default" onClick={send.stop}>
                  Stop waiting
                </Button>
              </Group>
            ) : (
              <Text size="xs" c="dimmed" visibleFrom="sm">
                <Kbd>Ctrl</Kbd> <Kbd>Enter</Kbd> sends
              </Text>
            )}
            <Button type="submit" loading={send.isPending} ml="auto">
              Send
            </Button>
          </Group>
        </form>
      </Drawer>
      {asking && (
        <Discard
          onKeep={() => {
            setAsking(false);
            onKeep();
          }}
          onDiscard={onClose}
        />
      )}
    </>
  );
}

function notSent(problem: ApiError): string {
  if (isGone(problem)) {
    return "Not sent. This account was deleted. What you typed stays here until you close the panel.";
  }
  // An answer that did not come says nothing about what the server did.
  if (problem.status === 0) return `${problem.message} Sending again is safe: it will not go out twice.`;
  return `Not sent. ${problem.message}`;
}

function useSendForm(from: Sender, key: string, onSent: () => void) {
  const send = useSend(from.id);
  const [summary, setSummary] = useState<SummaryEntry[]>([]);
  const [round, setRound] = useState(0);
  const form = useForm<SendValues>({
    initialValues: { to: "", subject: "", body: "" },
    validate: { to: (value) => (value.trim() ? null : "Enter at least one recipient.") },
  });
  const fail = (entries: SummaryEntry[]) => {
    setSummary(entries);
    setRound((value) => value + 1);
  };
  const submit = () => {
    if (send.isPending) return;
    const { hasErrors, errors } = form.validate();
    if (hasErrors) {
      fail(Object.entries(errors).map(([field, message]) => ({ field, message: String(message) })));
      return;
    }
    setSummary([]);
    send.mutate(
      { key, values: form.getValues() },
      {
        onSuccess: (outgoing) => {
          announce(outgoing.id);
          onSent();
        },
        onError: (error) => {
          const problem = asApiError(error);
          form.setErrors(Object.fromEntries(problem.fields.map((each) => [each.field, each.message])));
          fail(problem.fields.length > 0 ? problem.fields : [{ message: notSent(problem) }]);
        },
      },
    );
  };
  // A field that was changed since has no error any more.
  const open = summary.filter(({ field }) => !field || form.errors[field]);
  return { form, send, summary: open, round, submit };
}

/** Mounted only while it asks: its listener must not see the Escape that asked for it. */
function Discard({ onKeep, onDiscard }: { onKeep: () => void; onDiscard: () => void }) {
  // A dialog that is mounted open does not know where the focus was.
  const before = useRef(document.activeElement);
  useEffect(() => () => (before.current as HTMLElement | null)?.focus({ preventScroll: true }), []);
  return (
    <Modal opened onClose={onKeep} title="Discard this message?" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        <Text>What you typed is not kept.</Text>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onKeep} data-autofocus>
            Keep writing
          </Button>
          <Button color="red" onClick={onDiscard}>
            Discard
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
