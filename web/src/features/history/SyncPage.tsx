import { Button, Group, Progress, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconListCheck, IconRefresh } from "@tabler/icons-react";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Account } from "../../api/client";
import { count, counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import { LoadFailed } from "../../ui/Notice";
import { Time } from "../../ui/Time";
import { accountQuery } from "../accounts/queries";
import { History } from "./History";
import { type SyncState, syncQuery, useSyncNow } from "./queries";
import { Refused } from "./Refused";
import classes from "./Sync.module.css";
import { isAlmostFull, progress, type Quota, quotaWords, synced } from "./words";

/** How far the copy of a mailbox is, what was done for it, and what could not be fetched. */
export function SyncPage({ accountId }: { accountId: string }) {
  const { data: account } = useSuspenseQuery(accountQuery(accountId));
  const state = useQuery(syncQuery(accountId));
  if (state.isPending) return <Waiting />;
  if (!state.data) {
    return <LoadFailed what="The sync state" error={state.error} retry={() => void state.refetch()} />;
  }
  return (
    <Stack gap="xl" className={classes.page}>
      <Figures state={state.data} />
      {state.data.folders_refused > 0 && (
        <Banner tone="warn">
          The mail server does not open {counted(state.data.folders_refused, "chosen folder")}: that mail is
          not here. Settings, Sync, says which and why.
        </Banner>
      )}
      {state.data.quota && <Fullness quota={state.data.quota} />}
      <Actions account={account} state={state.data} />
      <Refused accountId={accountId} canChange={account.can_use} />
      <History accountId={accountId} failed={state.data.failed} canRetry={account.can_use} />
    </Stack>
  );
}

function Figures({ state }: { state: SyncState }) {
  return (
    <dl className={classes.figures}>
      <Figure name="Last sync">{state.last_sync_at ? <Time at={state.last_sync_at} /> : "Not yet"}</Figure>
      <Figure name="Emails synced">{synced(state)}</Figure>
      <Figure name="Sent today">{count(state.sent_today)}</Figure>
      <Figure name="Received today">{count(state.received_today)}</Figure>
      <Figure name="Failed">{count(state.failed)}</Figure>
    </dl>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.figure}>
      <Text component="dt" size="xs" c="dimmed">
        {name}
      </Text>
      <Text component="dd" fw={600} className="figures">
        {children}
      </Text>
    </div>
  );
}

/** How full the mailbox is on its server. */
function Fullness({ quota }: { quota: Quota }) {
  const almost = isAlmostFull(quota);
  const words = quotaWords(quota);
  const percent = Math.min(100, (100 * quota.used) / quota.limit);
  return (
    <Stack gap="xs">
      <Progress.Root>
        <Progress.Section
          value={percent}
          color={almost ? "var(--state-warn)" : undefined}
          withAria={false}
          role="meter"
          aria-valuenow={Math.round(percent)}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-label="Mailbox on the mail server"
          aria-valuetext={words}
        />
      </Progress.Root>
      <Text size="sm" className="figures">
        {words}
      </Text>
      {almost && (
        <Banner tone="warn">
          The mailbox is almost full, and a full one takes no new mail. Free space on the mail server, or have
          its limit raised.
        </Banner>
      )}
    </Stack>
  );
}

function Actions({ account, state }: { account: Account; state: SyncState }) {
  const sync = useSyncNow(account.id);
  return (
    <Stack gap="sm">
      <Title order={2} size="h3">
        Synchronise
      </Title>
      {state.stage === "importing" && <Importing state={state} />}
      {account.can_use && (
        <Group gap="sm">
          <Button
            leftSection={<Icon of={IconRefresh} />}
            loading={sync.isPending && sync.variables === false}
            onClick={() => sync.mutate(false)}
          >
            Sync now
          </Button>
          <Button
            variant="default"
            leftSection={<Icon of={IconListCheck} />}
            loading={sync.isPending && sync.variables === true}
            onClick={() => sync.mutate(true)}
          >
            Check completeness
          </Button>
        </Group>
      )}
      {sync.isSuccess && (
        <Text size="sm" role="status">
          {sync.variables
            ? "Every folder is being compared with the server. What comes of it appears below."
            : "Asked for. What comes of it appears below."}
        </Text>
      )}
      {sync.isError && (
        <Banner tone="bad" alert>
          {asApiError(sync.error).message}
        </Banner>
      )}
      <Text size="sm" c="dimmed">
        Mail follows the server by itself. A completeness check compares every folder message by message and
        fetches what is missing; it is made once a week
        {state.compared_at && (
          <>
            , last <Time at={state.compared_at} />
          </>
        )}
        . Messages from before the import window stay on the server only.
      </Text>
    </Stack>
  );
}

function Importing({ state }: { state: SyncState }) {
  const { done, total } = state;
  return (
    <Stack gap="xs">
      <Progress value={total ? (100 * (done ?? 0)) / total : 0} aria-label="Import" />
      <Text size="sm" className="figures">
        Importing: {progress(state)}
      </Text>
    </Stack>
  );
}

function Waiting() {
  return (
    <Stack gap="xl" className={classes.page} role="status" aria-busy aria-label="Loading the sync state">
      <Skeleton h="4rem" />
      <Skeleton h="2rem" w="40%" />
      <Skeleton h="12rem" />
    </Stack>
  );
}
