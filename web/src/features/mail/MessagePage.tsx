import { Anchor, Button, Group, SegmentedControl, Skeleton, Stack, Text } from "@mantine/core";
import { IconMailOpened, IconPhoto } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { API, type Message } from "../../api/client";
import { counted, sentences } from "../../lib/format";
import { isGone } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import { LoadFailed, Notice } from "../../ui/Notice";
import { part } from "../../ui/part";
import { useShortcuts } from "../../ui/shortcuts";
import { Attachments } from "./Attachments";
import { usePending } from "./acting";
import { withActs } from "./acts";
import { Conversation } from "./Conversation";
import classes from "./Mail.module.css";
import { useOpened } from "./MailActions";
import { MessageHead } from "./MessageHead";
import { Back, MessageTools } from "./MessageTools";
import { messageQuery, useSetFlags } from "./queries";
import { Subject } from "./Subject";
import { useView, type View } from "./threads";

const HeadersTable = part(async () => ({ default: (await import("./later")).HeadersTable }));

interface MessageProps {
  accountId: string;
  messageId: string;
  folder: string | undefined;
  /** The search that it was found by. */
  q: string | undefined;
  /** That was over all accounts. */
  all: boolean | undefined;
  /** What the address asks for: messages alone, or in their conversations. */
  view: View | undefined;
}

/** One message. */
export function MessagePage({ accountId, messageId, folder, q, all, view }: MessageProps) {
  const navigate = useNavigate();
  const [shown] = useView(view);
  const message = useQuery(messageQuery(messageId));
  const back = () =>
    void (all
      ? navigate({ to: "/search", search: { q } })
      : navigate({ to: "/accounts/$id/mail", params: { id: accountId }, search: { folder, q, view } }));
  useShortcuts([
    { keys: "u", label: "Back to the list", group: "This page", run: back },
    { keys: "Escape", label: "Back to the list", group: "This page", run: back },
  ]);
  if (message.isPending) return <Waiting onBack={back} />;
  if (message.isError) {
    if (isGone(message.error)) {
      return (
        <Notice
          icon={IconMailOpened}
          title="This message is gone"
          action={
            <Button variant="default" onClick={back}>
              Back to the list
            </Button>
          }
        >
          It was deleted or moved on the mail server.
        </Notice>
      );
    }
    return (
      <div className={classes.message}>
        <Back onBack={back} />
        <LoadFailed what="The message" error={message.error} retry={() => void message.refetch()} />
      </div>
    );
  }
  const reading = <Reading key={messageId} message={message.data} accountId={accountId} onBack={back} />;
  if (shown === "messages") return reading;
  return (
    <Conversation
      accountId={accountId}
      threadId={message.data.thread_id}
      messageId={messageId}
      search={{ folder, q, all, view }}
    >
      {reading}
    </Conversation>
  );
}

function useMarkSeen(accountId: string, message: Message) {
  const { mutate } = useSetFlags(accountId, message.id);
  const first = useRef(!message.seen);
  useEffect(() => {
    if (!first.current) return;
    first.current = false;
    mutate({ seen: true });
  }, [mutate]);
}

interface ReadingProps {
  message: Message;
  accountId: string;
  onBack: () => void;
}

function Reading({ message: stored, accountId, onBack }: ReadingProps) {
  const pending = usePending();
  const message = useMemo(() => withActs(stored, pending), [stored, pending]);
  useMarkSeen(accountId, stored);
  useOpened(message, onBack);
  const [headers, setHeaders] = useState(false);
  const toggleHeaders = () => setHeaders((now) => !now);
  useShortcuts([
    {
      keys: "h",
      label: headers ? "Hide the headers" : "Show all headers",
      group: "This page",
      run: toggleHeaders,
    },
  ]);
  const [view, setView] = useState<"html" | "text">(message.has_html ? "html" : "text");
  const [images, setImages] = useState(false);
  return (
    <article className={classes.message} aria-label={nameOf(message)}>
      <MessageTools message={message} onBack={onBack} headers={headers} onHeaders={toggleHeaders} />
      <Subject>{message.subject || "(no subject)"}</Subject>
      <MessageHead message={message} />
      {headers && <HeadersTable messageId={message.id} onMissing={toggleHeaders} />}
      {(message.truncated || message.parse_problems.length > 0) && <Problems message={message} />}
      <Group gap="sm">
        {message.has_html && message.text != null && (
          <SegmentedControl
            size="xs"
            aria-label="View"
            value={view}
            onChange={(value) => setView(value as "html" | "text")}
            data={[
              { value: "html", label: "Formatted" },
              { value: "text", label: "Plain text" },
            ]}
          />
        )}
        {view === "html" && message.remote_images > 0 && (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<Icon of={IconPhoto} />}
            onClick={() => setImages((now) => !now)}
          >
            {images ? "Hide remote images" : `Show remote images (${message.remote_images})`}
          </Button>
        )}
      </Group>
      <Body message={message} view={view} images={images} />
      <Attachments message={message} />
    </article>
  );
}

/** A subject may be as long as a book: a reader hears its beginning. */
function nameOf({ subject }: Message): string {
  return subject ? subject.slice(0, 200) : "Message without a subject";
}

function Problems({ message }: { message: Message }) {
  return (
    <Banner tone="warn">
      {message.truncated && <Text size="xs">This message is very long; only its beginning is shown.</Text>}
      {message.parse_problems.length > 0 && (
        <Text size="xs">
          The message is not well formed. {sentences(message.parse_problems)} It may look different from what
          was meant; the{" "}
          <Anchor href={`${API}/messages/${message.id}/raw`} download underline="always" inherit>
            raw source
          </Anchor>{" "}
          has everything.
        </Text>
      )}
    </Banner>
  );
}

function Body({ message, view, images }: { message: Message; view: "html" | "text"; images: boolean }) {
  if (message.body_missing) {
    return (
      <Banner tone="warn">
        <Text size="xs">
          The text of this message is missing here: its file was lost or damaged, or a backup was restored
          without it. It may still be in the mailbox on the mail server.
        </Text>
      </Banner>
    );
  }
  if (view === "html" && message.has_html) {
    return (
      <iframe
        title="Text of the message"
        className={classes.frame}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        src={`${API}/messages/${message.id}/html?images=${images ? 1 : 0}`}
      />
    );
  }
  if (message.text?.trim())
    return (
      <pre className={classes.text} dir="auto">
        {message.text}
      </pre>
    );
  const rest = message.attachments.length;
  return <Text c="dimmed">No text{rest > 0 && `, only ${counted(rest, "attachment")}`}.</Text>;
}

function Waiting({ onBack }: { onBack: () => void }) {
  return (
    <div className={classes.message}>
      <Back onBack={onBack} />
      <Stack role="status" aria-busy aria-label="Loading the message">
        <Skeleton h="1.25rem" w="60%" />
        <Skeleton h="0.875rem" w="40%" />
        <Skeleton h="10rem" />
      </Stack>
    </div>
  );
}
