import { Button, Group, Modal, Progress, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { BulkRun as Run } from "../../api/client";
import { count, counted } from "../../lib/format";
import { asApiError, isGone } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { AnchorLink } from "../../ui/links";
import classes from "./Accounts.module.css";
import { ACTIONS, refreshAll, runQuery, tellEnd, useUndo } from "./bulk";
import { Unchanged } from "./Unchanged";

interface BulkRunProps {
  id: string;
  /** It was begun on this page: when it ends well there is nothing more to read than its notice. */
  begun: boolean;
  /** It is being taken back, by this run. */
  onUndone: (run: string) => void;
  onClose: () => void;
}

/** What becomes of many accounts, while it is done and afterwards. */
export function BulkRun({ id, begun, onUndone, onClose }: BulkRunProps) {
  const queryClient = useQueryClient();
  const { data: run, error } = useQuery(runQuery(id));
  const undo = useUndo(id);
  const seenRunning = useRef(begun);
  if (run && !run.finished) seenRunning.current = true;
  const close = useRef(onClose);
  close.current = onClose;
  const finished = run?.finished ? run : undefined;
  useEffect(() => {
    if (!finished || !seenRunning.current) return;
    seenRunning.current = false;
    void refreshAll(queryClient);
    if (!begun) return;
    tellEnd(queryClient, finished);
    if (finished.failed.length === 0) close.current();
  }, [finished, begun, queryClient]);
  const title = run ? `${ACTIONS[run.action].title} ${counted(run.total, "account")}` : "What was done";
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        {run ? run.finished ? <Ended run={run} /> : <Running run={run} /> : !error && <Skeleton h="3rem" />}
        {error && <Unseen error={error} />}
        {undo.error && (
          <Banner tone="bad" alert>
            {asApiError(undo.error).message}
          </Banner>
        )}
        <Group justify="flex-end" gap="sm">
          {finished?.can_undo && (
            <Button
              variant="default"
              loading={undo.isPending}
              onClick={() => undo.mutate(undefined, { onSuccess: (next) => onUndone(next.id) })}
            >
              Undo
            </Button>
          )}
          <Button variant="default" onClick={onClose} data-autofocus>
            Close
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Unseen({ error }: { error: Error }) {
  if (isGone(error)) {
    return (
      <Banner tone="idle">
        This is not here any more. What was done with many accounts can be looked at for seven days, by
        whoever did it.
      </Banner>
    );
  }
  return (
    <Banner tone="bad" alert>
      How far it is cannot be seen: {asApiError(error).message} It goes on by itself.
    </Banner>
  );
}

function Running({ run }: { run: Run }) {
  return (
    <>
      <Text className="figures" role="status">
        {count(run.done)} of {count(run.total)} done. It goes on when you close this.
      </Text>
      <Progress value={run.total === 0 ? 100 : (run.done / run.total) * 100} aria-label="Accounts done" />
    </>
  );
}

function Ended({ run }: { run: Run }) {
  const hidden = run.unchanged.reduce((sum, each) => sum + (each.outcome === "already" ? 0 : each.count), 0);
  return (
    <>
      <Text fw={600} className="figures" role="status">
        {run.changed === 0
          ? "No account changed."
          : `${counted(run.changed, "account")} ${ACTIONS[run.action].did}.`}
      </Text>
      <Unchanged of={run} words="did not change" />
      {run.failed.length > 0 && (
        <ul className={classes.failures} aria-label="Accounts that did not change">
          {run.failed.map(({ account_id: id, address, text }) => (
            <li key={id}>
              {address ? (
                <AnchorLink to="/accounts/$id" params={{ id }} fw={500}>
                  {address}
                </AnchorLink>
              ) : (
                <strong>An account that you do not see</strong>
              )}
              : {text}
            </li>
          ))}
        </ul>
      )}
      {hidden > run.failed.length && (
        <Text c="dimmed" className="figures">
          And {count(hidden - run.failed.length)} more.
        </Text>
      )}
    </>
  );
}
