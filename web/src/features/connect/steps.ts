/** The steps of a connection test in words, and how the steps received so far make a picture. */
import type { ConnectStep, Encryption } from "../../api/client";

type Name = ConnectStep["step"];
type Status = ConnectStep["status"];

const WORDS: Record<Name, Record<"running" | "passed" | "failed", string>> = {
  dns: { running: "Looking up the name", passed: "Name found", failed: "Name not found" },
  tcp: { running: "Connecting", passed: "Connected", failed: "No connection" },
  tls: { running: "Encrypting", passed: "Encrypted", failed: "Encryption failed" },
  starttls: { running: "Asking for STARTTLS", passed: "STARTTLS offered", failed: "STARTTLS failed" },
  greeting: { running: "Waiting for the greeting", passed: "Greeted", failed: "No proper greeting" },
  login: { running: "Logging in", passed: "Logged in", failed: "Login refused" },
  folders: { running: "Listing folders", passed: "Folders listed", failed: "Folders not listed" },
  ehlo: { running: "Asking what it can do", passed: "Capabilities read", failed: "Capabilities not read" },
  auth: { running: "Logging in", passed: "Logged in", failed: "Login refused" },
  mail_from: { running: "Checking the sender", passed: "Sender accepted", failed: "Sender refused" },
};

const SHORT: Record<Name, string> = {
  dns: "Name",
  tcp: "Connection",
  tls: "TLS",
  starttls: "STARTTLS",
  greeting: "Greeting",
  login: "Login",
  folders: "Folders",
  ehlo: "Capabilities",
  auth: "Login",
  mail_from: "Sender",
};

type Reason = NonNullable<ConnectStep["reason"]>;

/** A step can end for a reason that is none of its own: then its usual words would be wrong. */
const ENDED_BY: Partial<Record<Reason, string>> = {
  port_refused_by_policy: "Port not allowed",
  private_address_refused: "Address not allowed",
  plain_not_allowed: "Plain text not allowed",
  connection_lost: "Connection lost",
  rate_limited: "Asked to slow down",
  server_error: "Server error",
};
const NO_ANSWER: Name[] = ["dns", "login", "auth", "mail_from", "folders"];

export function stepWords(step: Name, status: Status, reason?: Reason | null): string {
  if (status === "failed" && reason) {
    if (reason === "timed_out" && NO_ANSWER.includes(step)) return "No answer";
    return ENDED_BY[reason] ?? WORDS[step].failed;
  }
  return WORDS[step][status];
}

/** Puts a step in the place of its earlier state, or at the end. */
export function withStep(steps: ConnectStep[], next: ConnectStep): ConnectStep[] {
  const at = steps.findIndex((each) => each.side === next.side && each.step === next.step);
  return at < 0 ? [...steps, next] : steps.with(at, next);
}

function plan(side: ConnectStep["side"], encryption: Encryption): Name[] {
  const end: Name[] = side === "imap" ? ["login", "folders"] : ["ehlo", "auth", "mail_from"];
  if (encryption === "tls") return ["dns", "tcp", "tls", "greeting", ...end];
  if (encryption === "starttls") return ["dns", "tcp", "greeting", "starttls", "tls", ...end];
  return ["dns", "tcp", "greeting", ...end];
}

/** What is still to come on a side, in short words. */
export function waitingWords(
  side: ConnectStep["side"],
  encryption: Encryption,
  steps: ConnectStep[],
): string[] {
  const own = steps.filter((each) => each.side === side);
  if (own.some((each) => each.status === "failed")) return [];
  const last = Math.max(-1, ...own.map((each) => plan(side, encryption).indexOf(each.step)));
  return plan(side, encryption)
    .slice(last + 1)
    .map((name) => SHORT[name]);
}
