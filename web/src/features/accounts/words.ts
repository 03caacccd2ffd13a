/** The states of an account in words. The server's `reason_text` says more; these are for a narrow column. */
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleMinus,
  IconPlayerPause,
  IconPlugConnectedX,
  type Icon as TablerIcon,
} from "@tabler/icons-react";
import type { AccountRow, ConnectionState } from "../../api/client";
import { count } from "../../lib/format";
import type { Tone } from "../../ui/StateLabel";

export const STATES: Record<ConnectionState, { word: string; tone: Tone; icon: TablerIcon }> = {
  connecting: { word: "Connecting", tone: "idle", icon: IconCircleDashed },
  connected: { word: "Connected", tone: "ok", icon: IconCircleCheck },
  disconnected: { word: "Disconnected", tone: "bad", icon: IconPlugConnectedX },
  reconnect_required: { word: "Reconnect required", tone: "warn", icon: IconAlertTriangle },
  paused: { word: "Paused", tone: "idle", icon: IconPlayerPause },
  not_set_up: { word: "Not set up", tone: "idle", icon: IconCircleMinus },
};

const REASONS: Record<string, string> = {
  name_not_found: "name not found",
  private_address_refused: "private address refused",
  port_refused_by_policy: "port not allowed",
  connection_refused: "connection refused",
  timed_out: "no answer",
  tls_failed: "encryption failed",
  certificate_untrusted: "certificate not trusted",
  certificate_wrong_name: "certificate for another name",
  certificate_expired: "certificate expired",
  starttls_missing: "no STARTTLS",
  not_tls: "server speaks no TLS here",
  tls_on_plain_port: "TLS on a plain port",
  plain_not_allowed: "plain text not allowed",
  bad_greeting: "not a mail server",
  login_refused: "login refused",
  app_password_required: "app password required",
  imap_disabled: "IMAP is switched off",
  smtp_auth_disabled: "SMTP login is switched off",
  no_password_login: "no password login",
  rate_limited: "too many connections",
  server_error: "server error",
  connection_lost: "connection lost",
  sender_refused: "sender refused",
};

export function reasonWords(reason: string | null | undefined): string | undefined {
  if (!reason) return undefined;
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}

/** "receiving: login refused", or the progress of the import. Empty when all is well. */
export function statusDetail(account: AccountRow): string {
  const side = account.status_side === "sending" ? account.sending : account.receiving;
  const reason = reasonWords(side.reason);
  // The side is named when the other one is well; otherwise both are meant.
  const onlyOne = account.status_side != null && account.receiving.state !== account.sending.state;
  if (reason) return onlyOne ? `${account.status_side}: ${reason}` : reason;
  if (account.status === "connected" && account.sync.stage === "importing") {
    const { done, total } = account.sync;
    return done == null
      ? "importing"
      : `importing ${count(done)}${total == null ? "" : ` of ${count(total)}`}`;
  }
  if (account.status === "connected" && account.receiving.state === "not_set_up") return "send only";
  return "";
}

/** The side whose state the list shows. */
export function shownSide(account: AccountRow) {
  if (account.status_side === "sending") return account.sending;
  if (account.status_side === "receiving") return account.receiving;
  return account.receiving.state === account.status ? account.receiving : account.sending;
}
