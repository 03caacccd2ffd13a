import { Button, Group, Paper, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { Account, SideState } from "../../api/client";
import { count } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { ButtonLink } from "../../ui/links";
import { ServerWords } from "../../ui/ServerWords";
import { StateLabel } from "../../ui/StateLabel";
import { Time } from "../../ui/Time";
import classes from "./AccountSettings.module.css";
import { useRetryNow } from "./queries";
import { reasonWords, STATES } from "./words";

const ABSENT = {
  receiving: "This account only sends. Answers arrive at its mail server and are not shown here.",
  sending: "This account only receives.",
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
          {side === "receiving" && state.state === "connected" && <Sync account={account} />}
          <Text size="xs" c="dimmed">
            Since <Time at={state.since} />
            {state.next_attempt_at && (
              <>
                , next attempt <Time at={state.next_attempt_at} />
              </>
            )}
          </Text>
          {account.can_manage && <Actions account={account} state={state} />}
        </>
      )}
    </Paper>
  );
}

function Why({ state }: { state: SideState }) {
  const reason = state.reason_text ?? reasonWords(state.reason);
  return (
    <>
      {reason && <Text>{reason}</Text>}
      {state.server_words && <ServerWords>{state.server_words}</ServerWords>}
      {state.fix && (
        <Text>
          <strong>What to do:</strong> {state.fix}
        </Text>
      )}
    </>
  );
}

function Sync({ account }: { account: Account }) {
  const { stage, done, total } = account.sync;
  const words = {
    waiting: "Waiting for its turn to fetch mail.",
    importing: `Importing mail${done == null ? "" : `: ${count(done)}${total == null ? "" : ` of ${count(total)}`}`}.`,
    live: "New mail arrives as it comes.",
    backing_off: "The server asked to slow down; fetching goes on by itself.",
  };
  return <Text>{words[stage]}</Text>;
}

function Actions({ account, state }: { account: Account; state: SideState }) {
  const retry = useRetryNow(account.id);
  if (state.state === "connected" || state.state === "paused") return null;
  const must = state.state === "reconnect_required";
  return (
    <Group gap="sm" className={classes.actions}>
      <ButtonLink
        to="/accounts/$id/reconnect"
        params={{ id: account.id }}
        variant={must ? "filled" : "default"}
      >
        Reconnect
      </ButtonLink>
      <Button
        variant="default"
        loading={retry.isPending}
        onClick={() =>
          retry.mutate(undefined, {
            onSuccess: () => notifications.show({ message: "Trying now. The state follows here." }),
            onError: (error) =>
              notifications.show({ color: "red", title: "Not tried", message: asApiError(error).message }),
          })
        }
      >
        Try now
      </Button>
    </Group>
  );
}
