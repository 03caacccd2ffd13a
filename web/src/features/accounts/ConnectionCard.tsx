import { Button, Group, Paper, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { Account, SideState } from "../../api/client";
import { count } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { ButtonLink } from "../../ui/links";
import { StateLabel } from "../../ui/StateLabel";
import { Time } from "../../ui/Time";
import classes from "./AccountSettings.module.css";
import { useRetryNow } from "./queries";
import { Why } from "./Why";
import { STATES } from "./words";

const ABSENT = {
  receiving: "This account only sends. Answers arrive at its mail server and are not shown here.",
  sending: "This account only receives.",
};

const PAUSED = {
  receiving: "No session is open. New mail is fetched when the account is resumed.",
  sending: "What is to be sent waits in the outbox until the account is resumed.",
};

/** One side of the connection: how it is, why, and what to do. */
export function ConnectionCard({ account, side }: { account: Account; side: "receiving" | "sending" }) {
  const state = account[side];
  const { word, tone, icon } = STATES[state.state];
  return (
    <Paper p="lg" className={classes.card}>
      <Group justify="space-between" gap="sm">
        <Title order={3}>{side === "receiving" ? "Receiving (IMAP)" : "Sending (SMTP)"}</Title>
        <StateLabel tone={tone} icon={icon}>
          {word}
        </StateLabel>
      </Group>
      {state.state === "not_set_up" ? (
        <Text c="dimmed">{ABSENT[side]}</Text>
      ) : (
        <>
          <Why state={state} />
          {state.state === "paused" && <Text>{PAUSED[side]}</Text>}
          {side === "receiving" && state.state === "connected" && <Sync account={account} />}
          <Text size="xs" c="dimmed">
            Since <Time at={state.since} />
            {state.next_attempt_at && (
              <>
                , next attempt <Time at={state.next_attempt_at} as="due" />
              </>
            )}
          </Text>
          <Actions account={account} side={side} />
        </>
      )}
    </Paper>
  );
}

function Sync({ account }: { account: Account }) {
  const { stage, done, total } = account.sync;
  const words = {
    waiting: "Waiting for its turn to fetch mail.",
    importing: `Importing mail${done == null ? "" : `: ${count(done)}${total == null ? "" : ` of ${count(total)}`}`}.`,
    live: "New mail arrives as it comes.",
    // The state and its reason say it already.
    backing_off: undefined,
  }[stage];
  return words && <Text>{words}</Text>;
}

/** What a person may be waiting for is tried with what is saved: it may have been put right at the provider. */
function tryWords(state: SideState, oauth: boolean): { button: string; notice: string } {
  if (state.state === "reconnect_required" && !oauth) {
    return {
      button: "Try the saved password again",
      notice: "Trying the saved password. The state follows here.",
    };
  }
  return { button: "Try now", notice: "Trying now. The state follows here." };
}

function Actions({ account, side }: { account: Account; side: "receiving" | "sending" }) {
  const state = account[side];
  const oauth = account[side === "receiving" ? "imap" : "smtp"]?.auth === "oauth";
  const retry = useRetryNow(account.id);
  if (state.state !== "disconnected" && state.state !== "reconnect_required") return null;
  const canTry = account.can_use && state.reason !== "password_missing" && state.reason !== "grant_missing";
  const { button, notice } = tryWords(state, oauth);
  return (
    <Group gap="sm" className={classes.actions}>
      {account.can_manage && (
        <ButtonLink
          to="/accounts/$id/reconnect"
          params={{ id: account.id }}
          variant={state.state === "reconnect_required" ? "filled" : "default"}
        >
          Reconnect
        </ButtonLink>
      )}
      {canTry && (
        <Button
          variant="default"
          loading={retry.isPending}
          onClick={() =>
            retry.mutate(undefined, {
              onSuccess: () => notifications.show({ message: notice }),
              onError: (error) =>
                notifications.show({ color: "red", title: "Not tried", message: asApiError(error).message }),
            })
          }
        >
          {button}
        </Button>
      )}
    </Group>
  );
}
