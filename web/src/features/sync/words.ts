/** What an account's copy can be like, in words. */
import type { Folder } from "../../api/client";
import { count, counted } from "../../lib/format";

interface Option {
  value: string;
  label: string;
}

const FREQUENCIES = [1, 5, 15, 30, 60];
const WINDOWS = [7, 30, 90, 365, 0];

export function frequencyWords(minutes: number): string {
  if (minutes === 60) return "Every hour";
  return minutes === 1 ? "Every minute" : `Every ${minutes} minutes`;
}

export function importWords(days: number): string {
  if (days === 0) return "Everything";
  return days === 365 ? "Last year" : `Last ${counted(days, "day")}`;
}

/** The usual ones, and the one that is set when it is none of them. */
function options(usual: number[], set: number, words: (value: number) => string): Option[] {
  const all = usual.includes(set) ? usual : [set, ...usual];
  return all.map((value) => ({ value: String(value), label: words(value) }));
}

export const frequencies = (set: number) => options(FREQUENCIES, set, frequencyWords);
export const windows = (set: number) => options(WINDOWS, set, importWords);

export type Role = NonNullable<Folder["role"]>;

const ROLES: Record<Role, string> = {
  inbox: "Inbox",
  sent: "Sent mail",
  drafts: "Drafts",
  archive: "Archive",
  all: "All mail",
  junk: "Spam",
  trash: "Deleted",
};

/** What the folder is for, unless its name says so. */
export function roleWords({ name, role }: Folder): string | undefined {
  if (!role) return undefined;
  const said = name.toLowerCase();
  return said === role || said === ROLES[role].toLowerCase() ? undefined : ROLES[role];
}

/** How many messages the folder has, there and here. */
export function amountWords({ server_messages: there, messages: here, selected }: Folder): string {
  const words = there == null ? [] : [`${count(there)} on the server`];
  if (selected) words.push(`${count(here)} here`);
  return words.join(", ");
}

/** What a folder can be given by hand: the inbox is where mail arrives, whatever anybody says. */
export const USES = (Object.keys(ROLES) as Role[])
  .filter((role) => role !== "inbox")
  .map((role) => ({ value: role, label: ROLES[role] }));

/** What it is for as long as nobody says anything here; `taken` when another folder has that by hand. */
export function serverWords({ server_role: role }: Folder, taken: boolean): string {
  if (!role) return "By the server: nothing special";
  return taken ? `By the server: ${ROLES[role]} (taken)` : `By the server: ${ROLES[role]}`;
}

/** "Sent mail is taken from Gesendet." */
export function takenWords(role: Role, { name }: Folder): string {
  return `${ROLES[role]} is taken from ${name}.`;
}
