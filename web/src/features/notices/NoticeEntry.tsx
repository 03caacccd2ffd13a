import { Text, VisuallyHidden } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconMailX,
  IconPlugConnectedX,
  type Icon as TablerIcon,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Notice } from "../../api/client";
import { count } from "../../lib/format";
import { AnchorLink } from "../../ui/links";
import { ServerWords } from "../../ui/ServerWords";
import { StateLabel, type Tone } from "../../ui/StateLabel";
import { Time } from "../../ui/Time";
import classes from "./Notices.module.css";

interface Look {
  word: string;
  tone: Tone;
  icon: TablerIcon;
}

function lookOf({ kind, state, resolved_at }: Notice): Look {
  if (kind === "recovered") return { word: "Works again", tone: "ok", icon: IconCircleCheck };
  if (resolved_at) return { word: "Over", tone: "idle", icon: IconCircleCheck };
  if (kind === "outage" && state === "disconnected") {
    return { word: "Disconnected", tone: "bad", icon: IconPlugConnectedX };
  }
  if (kind === "refused_change") return { word: "Change refused", tone: "warn", icon: IconMailX };
  return {
    word: kind === "outage" ? "Reconnect required" : "Needs an admin",
    tone: "warn",
    icon: IconAlertTriangle,
  };
}

/** One notice: what happened, what the server said, what to do; its title leads to the account or accounts. */
export function NoticeEntry({ notice, onFollow }: { notice: Notice; onFollow: () => void }) {
  const { word, tone, icon } = lookOf(notice);
  const over = Boolean(notice.resolved_at);
  return (
    <article className={classes.entry} data-unread={!notice.read || undefined}>
      <div className={classes.line}>
        <StateLabel tone={tone} icon={icon}>
          {word}
        </StateLabel>
        <Text size="xs" c="dimmed">
          <Time at={notice.created_at} />
        </Text>
      </div>
      <Text fw={600} className={classes.subject}>
        {!notice.read && <VisuallyHidden>Unread: </VisuallyHidden>}
        <Target notice={notice} onFollow={onFollow}>
          {notice.title}
        </Target>
      </Text>
      {notice.text && <Text size="xs">{notice.text}</Text>}
      {!over && notice.server_words && <ServerWords>{notice.server_words}</ServerWords>}
      {!over && notice.fix && (
        <Text size="xs" c="dimmed">
          {notice.fix}
        </Text>
      )}
      <Named notice={notice} />
      <Lasted notice={notice} />
    </article>
  );
}

function Target({
  notice,
  onFollow,
  children,
}: {
  notice: Notice;
  onFollow: () => void;
  children: ReactNode;
}) {
  const [first] = notice.accounts;
  if (first && notice.account_count === 1) {
    return (
      <AnchorLink
        to={notice.kind === "refused_change" ? "/accounts/$id/sync" : "/accounts/$id/settings"}
        params={{ id: first.id }}
        onClick={onFollow}
        className="alone"
        inherit
      >
        {children}
      </AnchorLink>
    );
  }
  if (!first) return children;
  const search = notice.resolved_at || !notice.state ? {} : { status: notice.state };
  return (
    <AnchorLink to="/accounts" search={search} onClick={onFollow} className="alone" inherit>
      {children}
    </AnchorLink>
  );
}

function Named({ notice: { accounts, account_count } }: { notice: Notice }) {
  if (account_count < 2) return null;
  const more = account_count - accounts.length;
  return (
    <Text size="xs" c="dimmed" className={classes.named}>
      {accounts.map((each) => each.address).join(", ")}
      {more > 0 && ` and ${count(more)} more`}
    </Text>
  );
}

function Lasted({ notice: { kind, resolved_at } }: { notice: Notice }) {
  if (kind !== "outage" || !resolved_at) return null;
  return (
    <Text size="xs" c="dimmed">
      Works again since <Time at={resolved_at} />
    </Text>
  );
}
