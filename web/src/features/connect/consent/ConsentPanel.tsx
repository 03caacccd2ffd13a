import { Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { Banner } from "../../../ui/Banner";
import { Time } from "../../../ui/Time";
import { Trouble, UNKNOWN } from "./Trouble";
import type { Consent } from "./useConsent";

interface PanelProps {
  consent: Consent;
  /** The provider's name. */
  label: string;
  /** Begins anew, in the click. */
  again: () => void;
  /** What happened when all went well. */
  done: ReactNode;
  /** Before anything was begun. */
  children?: ReactNode;
}

/** How far the sign-in at a provider is, beside the form that began it. */
export function ConsentPanel({ label, ...props }: PanelProps) {
  const root = useRef<HTMLDivElement>(null);
  const { phase } = props.consent;
  useEffect(() => {
    // On a narrow screen it stands below the form.
    if (phase !== "idle") root.current?.scrollIntoView?.({ block: "nearest" });
  }, [phase]);
  return (
    <Paper p="lg" component="section" aria-labelledby="consent-title" ref={root}>
      <Stack>
        <Title order={2} id="consent-title">
          Sign-in at {label}
        </Title>
        <ConsentProgress label={label} {...props} />
      </Stack>
    </Paper>
  );
}

/** The same without its frame. */
export function ConsentProgress({ consent, label, again, done, children }: PanelProps) {
  const { phase, problem } = consent;
  if (phase === "idle") return <>{children}</>;
  if (phase === "done") return <Banner tone="ok">{done}</Banner>;
  if (phase === "failed" || phase === "unknown") {
    return (
      <>
        <Trouble problem={problem ?? UNKNOWN} />
        {/* Where an account has the address each try would end so; the account is named above. */}
        {!problem?.account_id && (
          <Group>
            <Button onClick={again}>Try again</Button>
          </Group>
        )}
      </>
    );
  }
  return (
    <>
      <div role="status">
        <Text fw={500} mb="xs">
          {phase === "working" ? "Checking the mailbox…" : `Waiting for ${label}…`}
        </Text>
        <Skeleton h="0.25rem" />
      </div>
      {phase === "waiting" && <Waiting consent={consent} label={label} />}
      {phase === "working" && (
        <Text c="dimmed">{label} gave access. Posthouse signs in to the mail servers with it.</Text>
      )}
    </>
  );
}

function Waiting({ consent, label }: { consent: Consent; label: string }) {
  const { blocked, way, resumed, expiresAt, openAgain, goOnHere, cancel } = consent;
  const inWindow = way === "window" && !blocked;
  return (
    <>
      {blocked && (
        <Banner tone="warn" alert>
          Your browser let no window open. Continue in this tab, or let this page open windows and try again.
        </Banner>
      )}
      {!blocked && (
        <Text c="dimmed">
          {inWindow
            ? `Sign in and allow access in the window that opened. Closed it? Nothing is lost.`
            : resumed
              ? `You have not finished the sign-in at ${label}. Continue it, or cancel it to change something.`
              : `This tab goes on to ${label}. Sign in and allow access there; you come back by yourself.`}
          {expiresAt && (
            <>
              {" "}
              This sign-in runs out <Time at={expiresAt} as="due" />.
            </>
          )}
        </Text>
      )}
      <Group gap="sm">
        {inWindow && (
          <Button variant="default" onClick={openAgain}>
            Open the window again
          </Button>
        )}
        <Button variant={inWindow ? "default" : "filled"} onClick={goOnHere}>
          Continue in this tab
        </Button>
        {blocked && (
          <Button variant="default" onClick={openAgain}>
            Open the window again
          </Button>
        )}
        <Button variant="subtle" color="gray" onClick={cancel}>
          Cancel
        </Button>
      </Group>
    </>
  );
}
