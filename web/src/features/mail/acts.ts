/**
 * What a change does to what is on screen, before the server has answered: which rows leave a list, which marks they
 * have, what folders count. Nothing here asks anybody.
 */
import type { Folder, MessageRow, ThreadRow } from "../../api/client";
import { AT_ONCE, type Change } from "./changes";

type Both = "id" | "account_id" | "flagged" | "folders" | "subject";
/** What must be known of a message to change it. */
type MessageTarget = Pick<MessageRow, Both | "thread_id" | "seen">;
/** What must be known of a conversation: it stands for all its messages. */
type ThreadTarget = Pick<ThreadRow, Both | "message_count" | "unread_count" | "unread_id" | "newest_id">;
export type Target = MessageTarget | ThreadTarget;

export const isThread = (row: Target): row is ThreadTarget => "message_count" in row;
export const isSeen = (row: Target): boolean => (isThread(row) ? row.unread_count === 0 : row.seen);

/** What these are called together. */
export const nounOf = ([first]: Target[]) => (first && isThread(first) ? "conversation" : "message");

/** One change of messages, or of conversations, in the same place. */
export interface Act {
  accountId: string;
  /** The folder that is meant; none: every place but Trash and Junk. */
  from: string | null;
  change: Change;
  /** Where they go, as far as that is known here. */
  to: Folder | undefined;
  /** What is changed, as it was. */
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

type Marks = Extract<Change, { kind: "flags" }>;

function marked<Row extends Target>(row: Row, marks: Marks): Row {
  const flagged = marks.flagged ?? row.flagged;
  const seen = marks.seen ?? undefined;
  if (!isThread(row)) return { ...row, flagged, ...(seen === undefined ? {} : { seen }) };
  if (seen === undefined) return { ...row, flagged };
  const unread = seen ? { unread_count: 0, unread_id: null } : allUnread(row);
  return { ...row, flagged, ...unread };
}

const allUnread = (row: ThreadTarget) => ({ unread_count: row.message_count, unread_id: row.newest_id });

/** What is changed as a whole, as it is after the act. */
function after<Row extends Target>(row: Row, act: Act): Row {
  const { change, to } = act;
  if (change.kind === "flags") return marked(row, change);
  const stay = row.folders.filter((place) => !leaves(act, place));
  const moved = stay.length < row.folders.length || change.kind === "copy";
  // A folder that is not copied has no messages here.
  const arrives = moved && to?.selected && !stay.some(({ id }) => id === to.id);
  const folders = arrives ? [...stay, { id: to.id, name: to.name, role: to.role ?? null }] : stay;
  return { ...row, folders };
}

/** A list of all folders has nothing that was thrown away. */
const lies = (row: Target, folder: string | undefined) =>
  row.folders.some((place) => (folder ? place.id === folder : !discarded(place)));

/** A conversation after some of its messages were changed. What the others have is not known here. */
function afterSome<Row extends ThreadTarget>(row: Row, act: Act): Row {
  if (row.message_count === 1) return after(row, act);
  if (act.change.kind !== "flags") return row;
  const { seen, flagged } = act.change;
  const mine = act.rows.filter((each) => !isThread(each) && each.thread_id === row.id);
  const turned = seen == null ? 0 : mine.filter((each) => isSeen(each) !== seen).length;
  const unread = Math.max(0, row.unread_count + (seen ? -turned : turned));
  const unreadId = unread === 0 ? null : (row.unread_id ?? mine[0]?.id ?? null);
  return { ...row, flagged: row.flagged || flagged === true, unread_count: unread, unread_id: unreadId };
}

interface Named {
  /** Conversations of which all is meant. */
  threads: Set<string>;
  messages: Set<string>;
  /** Conversations of which some messages are meant. */
  partly: Set<string>;
}

function named(rows: Target[]): Named {
  const names: Named = { threads: new Set(), messages: new Set(), partly: new Set() };
  for (const row of rows) {
    if (isThread(row)) names.threads.add(row.id);
    else {
      names.messages.add(row.id);
      names.partly.add(row.thread_id);
    }
  }
  return names;
}

const isWhole = (row: Target, { threads, messages }: Named): boolean =>
  isThread(row) ? threads.has(row.id) : messages.has(row.id) || threads.has(row.thread_id);

/** Tells of a row whether it is one of these, of a conversation among them, or a conversation of which one is. */
export function among(rows: Target[]): (row: Target) => boolean {
  const names = named(rows);
  return (row) => isWhole(row, names) || (isThread(row) && names.partly.has(row.id));
}

/** What a row is after all of the acts. */
function byActs(acts: Act[]): <Row extends Target>(row: Row) => Row {
  const all = acts.map((act) => ({ act, names: named(act.rows) }));
  return (start) =>
    all.reduce((row, { act, names }) => {
      if (isWhole(row, names)) return after(row, act);
      return isThread(row) && names.partly.has(row.id) ? afterSome(row, act) : row;
    }, start);
}

/** A list as it is after the acts: with the new marks, and without what left it. `folder`: what it shows. */
export function rowsAfter<Row extends Target>(rows: Row[], acts: Act[], folder: string | undefined): Row[] {
  if (acts.length === 0) return rows;
  const change = byActs(acts);
  return rows.flatMap((row) => {
    const next = change(row);
    return lies(row, folder) && !lies(next, folder) ? [] : [next];
  });
}

/** One row as it is after the acts. */
export function withActs<Row extends Target>(row: Row, acts: Act[]): Row {
  return acts.length === 0 ? row : byActs(acts)(row);
}

/** Messages of which conversations are changed in one request, about: the server does so many in one go. */
const MESSAGES_AT_ONCE = 2_500;

/** Rows in portions of what one request may name. */
export function portions(rows: Target[]): Target[][] {
  const all: Target[][] = [];
  let messages = 0;
  for (const row of rows) {
    const more = isThread(row) ? row.message_count : 1;
    const last = all.at(-1);
    if (last && last.length < AT_ONCE && messages + more <= MESSAGES_AT_ONCE) last.push(row);
    else {
      all.push([row]);
      messages = 0;
    }
    messages += more;
  }
  return all;
}

/** The folders as they count after the acts. */
export function foldersAfter(folders: Folder[], acts: Act[]): Folder[] {
  const change = new Map<string, { messages: number; unseen: number }>();
  const count = (row: Target, sign: 1 | -1) => {
    for (const { id } of row.folders) {
      const now = change.get(id) ?? { messages: 0, unseen: 0 };
      change.set(id, { messages: now.messages + sign, unseen: now.unseen + (isSeen(row) ? 0 : sign) });
    }
  };
  for (const act of acts) {
    for (const row of act.rows) {
      // Where the messages of a conversation lie, only the server can count.
      if (isThread(row) && row.message_count > 1) continue;
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
