import { Progress, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Account } from "../../api/client";
import { count } from "../../lib/format";
import { Icon } from "../../ui/Icon";
import classes from "./Mail.module.css";

/** How far the import is, or why the mail shown may be old. */
export function ImportBanner({ account }: { account: Account }) {
  const { stage, done, total } = account.sync;
  const { state } = account.receiving;
  if (state === "disconnected" || state === "reconnect_required") {
    return (
      <div className={classes.broken} role="status">
        <Icon of={IconAlertTriangle} />
        <span>
          New mail does not arrive at the moment.{" "}
          <Link to="/accounts/$id/settings" params={{ id: account.id }}>
            See why
          </Link>
        </span>
      </div>
    );
  }
  if (stage !== "importing") return null;
  const share = done != null && total ? Math.round((done / total) * 100) : undefined;
  return (
    <div className={classes.import} role="status">
      <Text size="xs" className="figures">
        Importing{done != null && ` ${count(done)}`}
        {total != null && ` of ${count(total)}`}
        {done != null && " messages"}
      </Text>
      {share !== undefined && <Progress value={share} size="xs" aria-label="Import" />}
    </div>
  );
}
