import { Text } from "@mantine/core";
import type { AccountRow } from "../../api/client";
import { StateLabel } from "../../ui/StateLabel";
import { Time } from "../../ui/Time";
import classes from "./Accounts.module.css";
import { useIsClosing } from "./closing";
import { STATES, shownSide, statusDetail, statusTitle } from "./words";

export function StatusBadge({ account }: { account: AccountRow }) {
  const closing = useIsClosing(account.id);
  const { word, tone, icon } = STATES[account.status];
  return (
    <StateLabel tone={closing ? "idle" : tone} icon={icon}>
      {closing ? "Deleting…" : word}
    </StateLabel>
  );
}

/** State, and below it why and what comes next. */
export function StatusCell({ account }: { account: AccountRow }) {
  const closing = useIsClosing(account.id);
  const side = shownSide(account);
  const detail = statusDetail(account);
  const troubled = account.status === "disconnected" || account.status === "reconnect_required";
  return (
    <>
      <StatusBadge account={account} />
      {!closing && (detail || troubled) && (
        <Text size="xs" c="dimmed" lineClamp={2} className={classes.why} title={statusTitle(account)}>
          {detail}
          {troubled && detail && ", "}
          {troubled &&
            (side.next_attempt_at ? <Retry at={side.next_attempt_at} /> : <Time at={side.since} />)}
        </Text>
      )}
    </>
  );
}

function Retry({ at }: { at: string }) {
  return (
    <span className={classes.retry}>
      retry <Time at={at} />
    </span>
  );
}
