import { Button, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { count, counted } from "../../lib/format";
import { Banner } from "../../ui/Banner";
import { LoadFailed } from "../../ui/Notice";
import { ServerWords } from "../../ui/ServerWords";
import { StateLabel } from "../../ui/StateLabel";
import { Time } from "../../ui/Time";
import { FailedMessages } from "./FailedMessages";
import { runsQuery, type SyncRun } from "./queries";
import classes from "./Sync.module.css";
import { changes, direction, moved, STATUS, span } from "./words";

interface HistoryProps {
  accountId: string;
  /** Messages that could not be fetched. */
  failed: number;
  canRetry: boolean;
}

export function History({ accountId, failed, canRetry }: HistoryProps) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  const show = () => {
    setOpen(true);
    requestAnimationFrame(() => document.getElementById(panel)?.focus());
  };
  return (
    <>
      {(failed > 0 || open) && (
        <Stack gap="sm">
          <Title order={2} size="h3" id={panel} tabIndex={-1}>
            Messages that could not be fetched
          </Title>
          {open ? (
            <FailedMessages accountId={accountId} canRetry={canRetry} />
          ) : (
            <Banner
              tone="warn"
              action={
                <Button size="compact-sm" variant="default" onClick={show}>
                  View errors
                </Button>
              }
            >
              {counted(failed, "message")} could not be fetched. The others are here.
            </Banner>
          )}
        </Stack>
      )}
      <Stack gap="sm">
        <Title order={2} size="h3">
          Sync history
        </Title>
        <Runs accountId={accountId} onFailed={failed > 0 ? show : undefined} />
      </Stack>
    </>
  );
}

function Runs({ accountId, onFailed }: { accountId: string; onFailed: (() => void) | undefined }) {
  const list = useInfiniteQuery(runsQuery(accountId));
  const runs = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (list.isPending) {
    return (
      <Text c="dimmed" role="status">
        Loading the history…
      </Text>
    );
  }
  if (list.isError && runs.length === 0) {
    return <LoadFailed what="The history" error={list.error} retry={() => void list.refetch()} />;
  }
  if (runs.length === 0) {
    return <Text c="dimmed">No pass has come to its end yet. Each one will have a row here.</Text>;
  }
  return (
    <>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Direction</th>
            <th scope="col">Changes</th>
            <th scope="col">Duration</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <Row key={run.id} run={run} onFailed={onFailed} />
          ))}
        </tbody>
      </table>
      {list.isFetchNextPageError && (
        <Banner tone="bad" alert>
          Older rows could not be loaded.
        </Banner>
      )}
      {list.hasNextPage && (
        <Button
          variant="default"
          className={classes.older}
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          Show older
        </Button>
      )}
    </>
  );
}

function Row({ run, onFailed }: { run: SyncRun; onFailed: (() => void) | undefined }) {
  const { word, tone, icon } = STATUS[run.status];
  const label = run.status === "partial" ? `${word} (${count(run.failed)} failed)` : word;
  return (
    <tr>
      <td>
        <Time at={run.ended_at} />
      </td>
      <td className={moved(run) ? undefined : classes.nothing}>{direction(run)}</td>
      <td className={classes.changes}>
        {run.reason_text}
        {run.reason_text && moved(run) && " Before that: "}
        {(!run.reason_text || moved(run)) && changes(run)}
        {run.server_words && <ServerWords>{run.server_words}</ServerWords>}
      </td>
      <td className="figures">
        {run.passes > 1
          ? `${count(run.passes)} passes in ${span(run.started_at, run.ended_at)}`
          : span(run.started_at, run.ended_at)}
      </td>
      <td>
        <StateLabel tone={tone} icon={icon}>
          {label}
        </StateLabel>
        {run.status === "partial" && onFailed && (
          <Button size="compact-sm" variant="subtle" onClick={onFailed}>
            View errors
          </Button>
        )}
      </td>
    </tr>
  );
}
