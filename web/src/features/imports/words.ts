/** What becomes of a row and of a run, in words. */
import {
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconFileAlert,
  IconHelpCircle,
  type Icon as TablerIcon,
} from "@tabler/icons-react";
import type { Import, ImportRow, RowProblem } from "../../api/client";
import { count, counted } from "../../lib/format";
import type { Tone } from "../../ui/StateLabel";
import type { Outcome } from "./queries";

interface Shown {
  word: string;
  tone: Tone;
  icon: TablerIcon;
}

/** In the order of the filter. */
export const OUTCOMES: Record<Outcome, Shown> = {
  connected: { word: "Connected", tone: "ok", icon: IconCircleCheck },
  passed: { word: "Passed", tone: "ok", icon: IconCircleCheck },
  doubt: { word: "Confirm hosts", tone: "warn", icon: IconHelpCircle },
  failed: { word: "Failed", tone: "bad", icon: IconCircleX },
  invalid: { word: "Wrong in the file", tone: "bad", icon: IconFileAlert },
  waiting: { word: "Not tried", tone: "idle", icon: IconCircleDashed },
};

export function stateOf(row: ImportRow): Shown {
  return row.due ? { word: "Waiting", tone: "idle", icon: IconCircleDashed } : OUTCOMES[row.state];
}

/** The two servers of a row in one line. */
export function serversOf(row: ImportRow): string {
  const of = (server: ImportRow["imap"]) => (server ? `${server.host}:${server.port}` : undefined);
  return [of(row.imap), of(row.smtp)].filter(Boolean).join(" · ");
}

const SIDES = { imap: "Receiving (IMAP): ", smtp: "Sending (SMTP): " };

export function problemWords(problem: RowProblem): string {
  const side = problem.side ? SIDES[problem.side] : "";
  return `${side}${problem.column ? `${problem.column}: ` : ""}${problem.message}`;
}

const ENDS: Record<NonNullable<Import["ended"]>, string> = {
  finished: "Every row has its result.",
  expired: "Nobody went on with it for a day.",
  key_lost: "The key that sealed its passwords was lost.",
  restored: "A backup was restored meanwhile.",
  no_member: "Its person left the workspace.",
};

export function endWords(run: Import): string {
  const { connected } = run.counts;
  const rest = run.total - connected;
  const figures =
    rest === 0
      ? `${counted(connected, "account")} connected.`
      : `${counted(connected, "account")} connected, ${count(rest)} not.`;
  return `${figures} ${run.ended ? ENDS[run.ended] : ""} The passwords are erased.`;
}

/** Rows that a test or a direct start takes on. */
export function ready({ counts }: Import): number {
  return counts.waiting + counts.passed + counts.failed + counts.doubt;
}

/** Whether some rows have shown whether they pass. */
export function wasTested({ counts }: Import): boolean {
  return counts.passed + counts.failed + counts.doubt > 0;
}
