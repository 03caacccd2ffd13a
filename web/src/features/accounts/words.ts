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
import type { AccountRow, ConnectionState, SideState } from "../../api/client";
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

type Reason = NonNullable<SideState["reason"]>;

const REASONS: Record<Reason, string> = {
  name_not_found: "name not found",
  private_address_refused: "private address refused",
  port_refused_by_policy: "port not allowed",
  connection_refused: "connection refused",
  timed_out: "no answer",
  tls_failed: "encryption failed",
  certificate_untrusted: "certificate not trusted",
  certificate_wrong_name: "name not in certificate",
  certificate_self_signed: "certificate self-signed",
  certificate_expired: "certificate expired",
  certificate_not_yet_valid: "certificate not valid yet",
  starttls_missing: "no STARTTLS",
  not_tls: "no TLS on this port",
  tls_on_plain_port: "TLS on a plain port",
  plain_not_allowed: "plain text not allowed",
  bad_greeting: "not a mail server",
  login_refused: "login refused",
  app_password_required: "app password required",
  imap_disabled: "IMAP is off",
  smtp_auth_disabled: "SMTP login is off",
  no_password_login: "no password login",
  rate_limited: "asked to slow down",
  server_error: "server error",
  connection_lost: "connection lost",
  sender_refused: "sender refused",
  password_missing: "saved password is gone",
  account_suspended: "mailbox locked",
  over_quota: "over quota",
  grant_missing: "saved permission is gone",
  consent_revoked: "consent revoked",
  consent_declined: "access declined",
  scope_missing: "permission missing",
  wrong_identity: "another person signed in",
  no_lasting_access: "no lasting access",
  token_refused: "access token refused",
  no_token_login: "no sign-in by token",
  token_service: "no access token",
  app_configuration: "OAuth app refused",
  no_storage: "no room for mail here",
};

/** Why a side is in its state, in a few words. A code that a newer server sends has its own sentence with it. */
export function reasonWords({ reason, reason_text }: SideState): string | undefined {
  if (!reason) return undefined;
  return REASONS[reason] ?? reason_text ?? undefined;
}

/** The side whose state the list shows: the one that the server names, and receiving when all is well. */
export function shownSide(account: AccountRow): SideState {
  return account.status_side === "sending" ? account.sending : account.receiving;
}

/** "receiving: login refused", or the progress of the import. Empty when all is well. */
export function statusDetail(account: AccountRow): string {
  const { status, status_side, receiving, sending, sync } = account;
  const reason = status_side ? reasonWords(shownSide(account)) : undefined;
  // The side is named unless both are in the same trouble.
  if (reason) return receiving.reason === sending.reason ? reason : `${status_side}: ${reason}`;
  if (status !== "connected") return "";
  if (sync.stage === "importing") return importWords(sync);
  return receiving.state === "not_set_up" ? "send only" : "";
}

function importWords({ done, total }: AccountRow["sync"]): string {
  if (done == null) return "importing";
  return `importing ${count(done)}${total == null ? "" : ` of ${count(total)}`}`;
}
