/**
 * What a change does to what is on screen, before the server has answered: which rows leave a list, which marks they
 * have, what folders count. Nothing here asks anybody.
 */
import type { Folder, MessageRow } from "../../api/client";
import type { Change, Moved } from "./changes";

/** What must be known of a message to change it. */
export type Target = Pick<MessageRow, "id" | "account_id" | "seen" | "flagged" | "folders">;

/** One change of messages that lie in the same place. */
export interface Act {
  accountId: string;
  /** The folder that is meant; none: every place but Trash and Junk. */
  from: string | null;
  change: Change;
  /** Where they go, as far as that is known here. */
  to: Folder | undefined;
  /** The messages as they were. */
  rows: Target[];
}

type Place = Target["folders"][number];
type FoldersOf = (accountId: string) => Folder[];

/** What a person asks for; where it goes and which copy is meant is for `actsOf`. */
export type Wish =
  | { kind: "archive" | "junk" | "remove" }
  | { kind: "move"; folder: string }
  | { kind: "flags"; seen?: boolean; flagged?: boolean };

const discarded = ({ role }: Pick<Place, "role">) => role === "trash" || role === "junk";

/** The place of a message that is meant where this list shows it. */
export function placeOf(row: Target, folder: string | undefined): Place | undefined {
  if (folder) return row.folders.find(({ id }) => id === folder) ?? { id: folder, name: "" };
  // What lies only among what was thrown away is meant there.
  return row.folders.every(discarded) ? row.folders[0] : undefined;
}

function changeOf(wish: Wish, place: Pick<Place, "role"> | undefined): Change {
  switch (wish.kind) {
    case "remove":
      return { kind: place && discarded(place) ? "delete" : "trash" };
    case "archive":
    case "junk":
      return { kind: wish.kind };
    default:
      return wish;
  }
}

function goalOf(change: Change, folders: Folder[]): Folder | undefined {
  if (change.kind === "move" || change.kind === "copy") return folders.find(({ id }) => id === change.folder);
  if (change.kind === "flags" || change.kind === "delete") return undefined;
  return folders.find(({ role }) => role === change.kind);
}

/** What has to be asked of the server, one for each account and place. `folder`: what the list shows. */
export function actsOf(wish: Wish, rows: Target[], folder: string | undefined, foldersOf: FoldersOf): Act[] {
  const groups = new Map<string, Act>();
  for (const row of rows) {
    const accountId = row.account_id;
    const folders = foldersOf(accountId);
    // A mark is of the message, wherever it lies.
    const here = placeOf(row, wish.kind === "flags" ? undefined : folder);
    const known = here && (folders.find(({ id }) => id === here.id) ?? here);
    const key = `${accountId} ${here?.id ?? ""}`;
    const group = groups.get(key);
    if (group) {
      group.rows.push(row);
      continue;
    }
    const change = changeOf(wish, known);
    const to = goalOf(change, folders);
    groups.set(key, { accountId, from: here?.id ?? null, change, to, rows: [row] });
  }
  return [...groups.values()];
}

/** Whether the act takes the message out of this place. */
function leaves(act: Act, place: Place): boolean {
  const { kind } = act.change;
  if (kind === "flags" || kind === "copy" || place.id === act.to?.id) return false;
  if (act.from) return place.id === act.from;
  return kind === "delete" ? discarded(place) : !discarded(place);
}

/** The message as it is after the act. */
export function after<Row extends Target>(row: Row, act: Act): Row {
  const { change, to } = act;
  if (change.kind === "flags") {
    const { seen = row.seen, flagged = row.flagged } = change;
    return { ...row, seen, flagged };
  }
  const stay = row.folders.filter((place) => !leaves(act, place));
  const moved = stay.length < row.folders.length || change.kind === "copy";
  // A folder that is not copied has no messages here.
  const arrives = moved && to?.selected && !stay.some(({ id }) => id === to.id);
  const folders = arrives ? [...stay, { id: to.id, name: to.name, role: to.role ?? null }] : stay;
  return { ...row, folders };
}

const lies = (row: Target, folder: string | undefined) =>
  folder ? row.folders.some(({ id }) => id === folder) : row.folders.length > 0;

/** A list as it is after the acts: with the new marks, and without what left it. `folder`: what it shows. */
export function rowsAfter<Row extends Target>(rows: Row[], acts: Act[], folder: string | undefined): Row[] {
  if (acts.length === 0) return rows;
  const changed = new Map<string, Act[]>();
  for (const act of acts) {
    for (const { id } of act.rows) changed.set(id, [...(changed.get(id) ?? []), act]);
  }
  return rows.flatMap((row) => {
    const mine = changed.get(row.id);
    if (!mine) return [row];
    const next = mine.reduce(after, row);
    return lies(row, folder) && !lies(next, folder) ? [] : [next];
  });
}

/** One message as it is after the acts. */
export function withActs<Row extends Target>(row: Row, acts: Act[]): Row {
  return acts.filter(({ rows }) => rows.some(({ id }) => id === row.id)).reduce(after, row);
}

/** The folders as they count after the acts. */
export function foldersAfter(folders: Folder[], acts: Act[]): Folder[] {
  const change = new Map<string, { messages: number; unseen: number }>();
  const count = (row: Target, sign: 1 | -1) => {
    for (const { id } of row.folders) {
      const now = change.get(id) ?? { messages: 0, unseen: 0 };
      change.set(id, { messages: now.messages + sign, unseen: now.unseen + (row.seen ? 0 : sign) });
    }
  };
  for (const act of acts) {
    for (const row of act.rows) {
      count(row, -1);
      count(after(row, act), 1);
    }
  }
  return folders.map((each) => {
    const by = change.get(each.id);
    if (!by) return each;
    const messages = Math.max(0, each.messages + by.messages);
    return { ...each, messages, unseen: Math.max(0, each.unseen + by.unseen) };
  });
}

export interface Return {
  from: string;
  change: Change;
  messages: string[];
}

/** The way back of what was moved. */
export function wayBack(moved: Moved[]): Return[] {
  const groups = new Map<string, Return>();
  const first = new Map<string, string>();
  const add = (from: string, change: Change & { folder: string }, message: string) => {
    const key = `${change.kind} ${from} ${change.folder}`;
    const group = groups.get(key);
    if (group) group.messages.push(message);
    else groups.set(key, { from, change, messages: [message] });
  };
  for (const { message, from, to } of moved) {
    const back = first.get(message);
    // One that lay in several folders came together in one: the first way back takes it, the others are copies.
    if (back === undefined) add(to, { kind: "move", folder: from }, message);
    else add(back, { kind: "copy", folder: from }, message);
    if (back === undefined) first.set(message, from);
  }
  return [...groups.values()].sort(
    (a, b) => Number(a.change.kind === "copy") - Number(b.change.kind === "copy"),
  );
}
