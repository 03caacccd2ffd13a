import { Anchor, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { API, type Import } from "../../api/client";
import { count, counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import { Time } from "../../ui/Time";
import { Doubts } from "./Doubts";
import classes from "./Imports.module.css";
import { isWorking, type Outcome, useDiscard, useStart, useStop } from "./queries";
import { RowList } from "./RowList";
import { endWords, OUTCOMES, ready, wasTested } from "./words";

/** A file of accounts: what can be done with it, and what became of each row. */
export function RunView({ run }: { run: Import }) {
  const [outcome, setOutcome] = useState<Outcome>();
  // A filter whose last row moved on shows everything.
  const shown = outcome && run.counts[outcome] > 0 ? outcome : undefined;
  return (
    <Stack>
      {run.notes.map((note) => (
        <Banner key={note} tone="warn">
          {note}
        </Banner>
      ))}
      {run.state === "ended" ? (
        <Ended run={run} />
      ) : isWorking(run) ? (
        <Working run={run} />
      ) : (
        <Ready run={run} />
      )}
      <Filter run={run} shown={shown} onChange={setOutcome} />
      <RowList run={run} outcome={shown} />
    </Stack>
  );
}

function Failed({ error }: { error: Error | null }) {
  if (!error) return null;
  return (
    <Banner tone="bad" alert>
      {asApiError(error).message}
    </Banner>
  );
}

function Ready({ run }: { run: Import }) {
  const start = useStart(run.id);
  const discard = useDiscard(run.id);
  const { passed, connected } = run.counts;
  const all = ready(run);
  const begin = (mode: "test" | "connect", rows: "all" | "passed") =>
    start.mutate({ mode, rows, confirm_hosts: [] });
  const busy = start.isPending || discard.isPending;
  return (
    <Stack>
      <Failed error={start.error ?? discard.error} />
      {all === 0 && (
        <Banner tone="warn">
          No row can be connected. Correct the file, discard this import, and upload the file again.
        </Banner>
      )}
      {run.doubts.length > 0 && <Doubts run={run} start={start} />}
      <Group gap="sm">
        {passed > 0 && (
          <Button loading={start.isPending} onClick={() => begin("connect", "passed")}>
            Connect the {count(passed)} that passed
          </Button>
        )}
        {all > 0 && (
          <Button
            variant={passed > 0 || connected > 0 ? "default" : "filled"}
            disabled={busy}
            onClick={() => begin("test", "all")}
          >
            {wasTested(run) ? "Test again" : `Test ${counted(all, "row")}`}
          </Button>
        )}
        {all > 0 && !wasTested(run) && (
          <Button variant="default" disabled={busy} onClick={() => begin("connect", "all")}>
            Connect without a test before
          </Button>
        )}
        <DownloadFailed run={run} />
        <Button variant="subtle" color="red" disabled={busy} onClick={() => discard.mutate()}>
          Discard
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        {wasTested(run)
          ? "Connecting tests each account once more."
          : "A test signs in at every account's servers and saves nothing. Connecting does the same and adds those that pass."}
        {run.passwords_until && (
          <>
            {" "}
            The passwords are erased <Time at={run.passwords_until} as="due" /> unless you go on.
          </>
        )}
      </Text>
    </Stack>
  );
}

function Working({ run }: { run: Import }) {
  const stop = useStop(run.id);
  const { done = 0, total = 0 } = run.progress ?? {};
  const words = run.state === "testing" ? "Testing" : "Connecting";
  return (
    <Stack gap="sm">
      <Failed error={stop.error} />
      <Group justify="space-between">
        <Text fw={500} role="status" className="figures">
          {words}: {count(done)} of {counted(total, "row")}
        </Text>
        <Button variant="default" size="xs" loading={stop.isPending} onClick={() => stop.mutate()}>
          Stop
        </Button>
      </Group>
      <Progress value={total > 0 ? (100 * done) / total : 0} aria-label={words} />
      <Text size="xs" c="dimmed">
        Two sign-ins at a time at each server. This goes on when you leave the page.
      </Text>
    </Stack>
  );
}

function Ended({ run }: { run: Import }) {
  const discard = useDiscard(run.id);
  const clean = run.counts.connected === run.total;
  return (
    <Stack>
      <Failed error={discard.error} />
      <Banner tone={clean ? "ok" : run.counts.connected > 0 ? "idle" : "warn"}>
        {endWords(run)}
        {!clean && " Correct the failed rows in their file, fill in their passwords, and upload it."}
      </Banner>
      <Group gap="sm">
        <DownloadFailed run={run} />
        <Button variant="subtle" color="red" loading={discard.isPending} onClick={() => discard.mutate()}>
          Remove this list
        </Button>
      </Group>
    </Stack>
  );
}

function DownloadFailed({ run }: { run: Import }) {
  const { invalid, failed, doubt, waiting, passed } = run.counts;
  const rows = invalid + failed + doubt + (run.state === "ended" ? waiting + passed : 0);
  if (rows === 0) return null;
  return (
    <Anchor
      href={`${API}/accounts/imports/${run.id}/failed.csv`}
      download
      className={`${classes.download} alone`}
    >
      <Icon of={IconDownload} /> Download {counted(rows, "failed row")}
    </Anchor>
  );
}

function Filter(props: {
  run: Import;
  shown: Outcome | undefined;
  onChange: (outcome: Outcome | undefined) => void;
}) {
  const { run, shown, onChange } = props;
  const there = (Object.keys(OUTCOMES) as Outcome[]).filter((each) => run.counts[each] > 0);
  const choice = (value: Outcome | undefined, words: string, rows: number) => (
    <Button
      key={words}
      size="compact-sm"
      variant={shown === value ? "filled" : "default"}
      aria-pressed={shown === value}
      onClick={() => onChange(value)}
      className="figures"
    >
      {words} {count(rows)}
    </Button>
  );
  return (
    <Group gap="xs" role="group" aria-label="Rows to show">
      {choice(undefined, "All", run.total)}
      {there.map((each) => choice(each, OUTCOMES[each].word, run.counts[each]))}
    </Group>
  );
}
