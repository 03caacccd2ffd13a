import { IconAlertTriangle, IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import { count, counted } from "../../lib/format";
import { isolated } from "../../lib/texts";
import type { FailedMessage, Operations, SyncRun, SyncState } from "./queries";

export const STATUS = {
  success: { word: "Success", tone: "ok", icon: IconCircleCheck },
  partial: { word: "Partial", tone: "warn", icon: IconAlertTriangle },
  failed: { word: "Failed", tone: "bad", icon: IconCircleX },
} as const;

export const CLASS: Record<FailedMessage["class"], string> = {
  refused: "The server refuses to give this message.",
  not_given: "The server lists this message and gives nothing when asked for it.",
  ends_session: "The server ends the connection whenever it is asked for this message.",
};

/** "Move 3 messages from INBOX to Archive". */
export function asked({ kind, messages, from, to }: Operations["refused"][number]): string {
  const what = counted(messages, "message") + (from ? ` from ${isolated(from)}` : "");
  const where = to ? ` to ${isolated(to)}` : "";
  switch (kind) {
    case "move":
      return `Move ${what}${where}`;
    case "copy":
      return `Copy ${what}${where}`;
    case "remove":
      return `Delete ${what} for good`;
    case "append_sent":
      return "File a copy of a sent message";
    default:
      return `Change the flags of ${what}`;
  }
}

/** "“Lunch”, “Quote” and 3 more". */
export function named({ subjects, messages }: Operations["refused"][number]): string {
  const known = subjects.map((subject) => `“${isolated(subject) || "(no subject)"}”`);
  const others = messages - known.length;
  if (others <= 0) return new Intl.ListFormat("en").format(known);
  return `${known.join(", ")} and ${count(others)} more`;
}

function came(run: SyncRun): boolean {
  return run.fetched + run.placed + run.changed + run.removed + run.failed > 0;
}

/** Whether anything changed, here or there. */
export function moved(run: SyncRun): boolean {
  return came(run) || run.pushed > 0;
}

/** Which way the changes went. */
export function direction(run: SyncRun): string {
  const here = came(run);
  if (here && run.pushed > 0) return "Both ways";
  if (run.pushed > 0) return "To the server";
  return here ? "From the server" : "–";
}

/** "5 received, 2 removed", "nothing new", "Compared: nothing missing". */
export function changes(run: SyncRun): string {
  const parts = [
    run.fetched > 0 && `${count(run.fetched)} fetched`,
    run.placed > 0 && `${count(run.placed)} found again`,
    run.changed > 0 && counted(run.changed, "flag"),
    run.removed > 0 && `${count(run.removed)} removed`,
    run.pushed > 0 && `${counted(run.pushed, "change")} sent`,
  ].filter(Boolean);
  const words = parts.join(", ") || (run.failed > 0 ? "0 fetched" : "nothing new");
  if (!run.compare) return words;
  return `Completeness check: ${parts.length === 0 && run.failed === 0 ? "nothing missing" : words}`;
}

/** "12 s", "4 min", "2 h". */
export function span(from: string, to: string): string {
  return seconds((new Date(to).getTime() - new Date(from).getTime()) / 1000);
}

export function seconds(value: number): string {
  if (value < 1) return "under 1 s";
  if (value < 60) return `${Math.round(value)} s`;
  if (value < 3_600) return `${Math.round(value / 60)} min`;
  return `${Math.round(value / 3_600)} h`;
}

/** "12,345 of 12,345 messages". */
export function synced({ messages, messages_on_server: there }: SyncState): string {
  return there == null ? counted(messages, "message") : `${count(messages)} of ${counted(there, "message")}`;
}

/** "120 of 900 in this folder, 600 a minute, about 2 min left". */
export function progress({ done, total, per_minute, seconds_left }: SyncState): string {
  const parts = [`${count(done ?? 0)} of ${count(total ?? 0)} in this folder`];
  if (per_minute != null) parts.push(`${count(per_minute)} a minute`);
  if (seconds_left != null) parts.push(`about ${seconds(seconds_left)} left`);
  return parts.join(", ");
}

/** From here on people should do something. */
const ALMOST_FULL = 0.9;
const UNITS = ["kB", "MB", "GB", "TB"];

export type Quota = NonNullable<SyncState["quota"]>;

export function isAlmostFull({ used, limit }: Quota): boolean {
  return used >= ALMOST_FULL * limit;
}

/** "12.1 of 15 GB used on the mail server": servers count their limits in steps of 1,024. */
export function quotaWords({ used, limit }: Quota): string {
  let step = 1024;
  let unit = "kB";
  for (const next of UNITS) {
    if (limit < step * 1024 || next === "TB") {
      unit = next;
      break;
    }
    step *= 1024;
  }
  const inUnits = (octets: number) => {
    const value = octets / step;
    return count(value < 100 ? Math.round(value * 10) / 10 : Math.round(value));
  };
  return `${inUnits(used)} of ${inUnits(limit)} ${unit} used on the mail server`;
}
