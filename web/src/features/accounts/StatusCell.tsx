import { Text } from "@mantine/core";
import type { AccountRow } from "../../api/client";
import { isDue } from "../../lib/time";
import { StateLabel } from "../../ui/StateLabel";
import { Time, useNow } from "../../ui/Time";
import classes from "./Accounts.module.css";
import { useIsClosing } from "./closing";
import { StatusWhy } from "./StatusWhy";
import { STATES, shownSide, statusDetail } from "./words";

export function StatusBadge({ account }: { account: AccountRow }) {
  const closing = useIsClosing(account.id);
  const { word, tone, icon } = STATES[account.status];
  return (
    <StateLabel tone={closing ? "idle" : tone} icon={icon}>
      {closing ? "Deleting…" : word}
    </StateLabel>
  );
}

/** "retry in 4 min". */
function Retry({ at }: { at: string }) {
  return isDue(at, useNow(at)) ? (
    "retrying now"
  ) : (
    <>
      retry <Time at={at} />
    </>
  );
}

/** State and what comes next, and below it why: two lines, since a row has no third. */
export function StatusCell({ account }: { account: AccountRow }) {
  const closing = useIsClosing(account.id);
  const side = shownSide(account);
  const detail = statusDetail(account);
  const troubled = account.status === "disconnected" || account.status === "reconnect_required";
  return (
    <>
      <div className={classes.state}>
        <StatusBadge account={account} />
        {!closing && troubled && (
          <Text size="xs" c="dimmed" component="span" className={classes.since}>
            {side.next_attempt_at ? <Retry at={side.next_attempt_at} /> : <Time at={side.since} />}
          </Text>
        )}
      </div>
      {!closing &&
        detail &&
        (account.status_side ? (
          <StatusWhy account={account}>{detail}</StatusWhy>
        ) : (
          <Text size="xs" c="dimmed" truncate>
            {detail}
          </Text>
        ))}
    </>
  );
}
