import { expect, it } from "vitest";
import { folder } from "../../../test/world";
import type { MessageRow } from "../../api/client";
import { actsOf, foldersAfter, placeOf, portions, rowsAfter, type Target, withActs } from "./acts";

const inbox = folder("inbox", { role: "inbox", selected: true, messages: 3, unseen: 2 });
const sent = folder("sent", { role: "sent", selected: true, messages: 1 });
const archive = folder("archive", { role: "archive", selected: true });
const trash = folder("trash", { role: "trash", selected: true, messages: 1 });
const far = folder("far");
const FOLDERS = [inbox, sent, archive, trash, far];
const foldersOf = () => FOLDERS;

const row = (id: string, places: (typeof inbox)[], more: Partial<MessageRow> = {}): Target => ({
  id,
  account_id: "ana",
  subject: `Letter ${id}`,
  thread_id: `t-${id}`,
  seen: false,
  flagged: false,
  folders: places.map(({ id: place, name, role = null }) => ({ id: place, name, role })),
  ...more,
});

const talk = (id: string, places: (typeof inbox)[], messages: number, unread = 0) => ({
  id,
  account_id: "ana",
  subject: `Letter ${id}`,
  message_count: messages,
  unread_count: unread,
  unread_id: unread > 0 ? `${id} unread` : null,
  newest_id: `${id} newest`,
  flagged: false,
  folders: row(id, places).folders,
});

const ids = (rows: Target[]) => rows.map(({ id }) => id);

it("names the folder that the list shows, and none where it shows all", () => {
  const here = row("m1", [inbox, sent]);
  expect(actsOf({ kind: "archive" }, [here], "inbox", foldersOf)).toMatchObject([
    { accountId: "ana", from: "inbox", change: { kind: "archive" }, to: { id: "archive" } },
  ]);
  expect(actsOf({ kind: "archive" }, [here], undefined, foldersOf)).toMatchObject([{ from: null }]);
  // A mark is of the message, whatever list it is set in.
  expect(actsOf({ kind: "flags", seen: true }, [here], "inbox", foldersOf)).toMatchObject([{ from: null }]);
  expect(placeOf(row("m2", [trash]), undefined)?.id).toBe("trash");
  expect(placeOf(row("m2", [trash, inbox]), undefined)).toBeUndefined();
});

it("deletes for good only what lies in Trash already", () => {
  const acts = actsOf({ kind: "remove" }, [row("m1", [inbox]), row("m2", [trash])], undefined, foldersOf);
  expect(acts.map(({ change, from, rows }) => [change.kind, from, ids(rows)])).toEqual([
    ["trash", null, ["m1"]],
    ["delete", "trash", ["m2"]],
  ]);
  const both = row("m3", [inbox, trash]);
  expect(actsOf({ kind: "remove" }, [both], "trash", foldersOf)[0]?.change.kind).toBe("delete");
  expect(actsOf({ kind: "remove" }, [both], "inbox", foldersOf)[0]?.change.kind).toBe("trash");
});

it("keeps accounts apart", () => {
  const other = { ...row("m2", [inbox]), account_id: "ben" };
  const acts = actsOf({ kind: "junk" }, [row("m1", [inbox]), other], undefined, foldersOf);
  expect(acts.map(({ accountId }) => accountId)).toEqual(["ana", "ben"]);
});

it("takes rows out of the list that they leave, and of no other", () => {
  const rows = [row("m1", [inbox]), row("m2", [inbox, sent]), row("m3", [sent])];
  const acts = actsOf({ kind: "move", folder: "far" }, rows.slice(0, 2), "inbox", foldersOf);
  expect(ids(rowsAfter(rows, acts, "inbox"))).toEqual(["m3"]);
  // What goes to a folder that is not copied is in no list; what lies elsewhere, too, stays in the list of all.
  expect(ids(rowsAfter(rows, acts, undefined))).toEqual(["m2", "m3"]);
  const archived = actsOf({ kind: "archive" }, rows.slice(0, 1), undefined, foldersOf);
  expect(rowsAfter(rows, archived, undefined)[0]?.folders.map(({ id }) => id)).toEqual(["archive"]);
  expect(rowsAfter(rows, [], "inbox")).toBe(rows);
});

it("leaves a row where it is when it is there already", () => {
  const lies = row("m1", [archive]);
  const acts = actsOf({ kind: "archive" }, [lies], "archive", foldersOf);
  expect(rowsAfter([lies], acts, "archive")).toEqual([lies]);
});

it("shows the last of several marks", () => {
  const start = row("m1", [inbox]);
  const read = actsOf({ kind: "flags", seen: true }, [start], undefined, foldersOf);
  const flagged = actsOf({ kind: "flags", flagged: true }, [start], undefined, foldersOf);
  const unread = actsOf({ kind: "flags", seen: false }, [start], undefined, foldersOf);
  expect(withActs(start, [...read, ...flagged])).toMatchObject({ seen: true, flagged: true });
  expect(withActs(start, [...read, ...flagged, ...unread])).toMatchObject({ seen: false, flagged: true });
});

it("takes what is thrown away out of a list of all folders, and what is archived not", () => {
  const all = [row("m1", [inbox]), row("m2", [inbox]), row("m3", [sent, inbox])];
  const thrown = actsOf({ kind: "remove" }, all.slice(0, 1), undefined, foldersOf);
  expect(ids(rowsAfter(all, thrown, undefined))).toEqual(["m2", "m3"]);
  const kept = actsOf({ kind: "archive" }, all.slice(1, 2), undefined, foldersOf);
  expect(ids(rowsAfter(all, kept, undefined))).toEqual(["m1", "m2", "m3"]);
  // What a search found among what was thrown away stays there.
  const found = [row("m4", [trash])];
  expect(
    rowsAfter(found, actsOf({ kind: "flags", seen: true }, found, undefined, foldersOf), undefined),
  ).toHaveLength(1);
});

it("counts folders as they will be", () => {
  const rows = [row("m1", [inbox]), row("m2", [inbox], { seen: true })];
  const acts = actsOf({ kind: "archive" }, rows, "inbox", foldersOf);
  const after = foldersAfter(FOLDERS, acts);
  expect(after.find(({ id }) => id === "inbox")).toMatchObject({ messages: 1, unseen: 1 });
  expect(after.find(({ id }) => id === "archive")).toMatchObject({ messages: 2, unseen: 1 });
  expect(after.find(({ id }) => id === "sent")).toBe(sent);
  const read = actsOf({ kind: "flags", seen: true }, rows, "inbox", foldersOf);
  expect(foldersAfter(FOLDERS, read)[0]).toMatchObject({ messages: 3, unseen: 1 });
});

it("takes a conversation out of the folder that it is moved from, with its messages and no others", () => {
  const all = [talk("t1", [inbox, sent], 3), talk("t2", [inbox], 1)];
  const acts = actsOf({ kind: "archive" }, all.slice(0, 1), "inbox", foldersOf);
  expect(ids(rowsAfter(all, acts, "inbox"))).toEqual(["t2"]);
  expect(rowsAfter(all, acts, undefined)[0]?.folders.map(({ id }) => id)).toEqual(["sent", "archive"]);
  const messages = [row("m1", [inbox], { thread_id: "t1" }), row("t1", [inbox], { thread_id: "t9" })];
  expect(ids(rowsAfter(messages, acts, "inbox"))).toEqual(["t1"]);
  // How many of its messages lie in each folder is not known.
  expect(foldersAfter(FOLDERS, acts)).toEqual(FOLDERS);
  const [after] = foldersAfter(FOLDERS, actsOf({ kind: "archive" }, all.slice(1), "inbox", foldersOf));
  expect(after).toMatchObject({ messages: 2, unseen: 2 });
});

it("marks all of a conversation", () => {
  const start = talk("t1", [inbox], 3, 2);
  const read = actsOf({ kind: "flags", seen: true }, [start], "inbox", foldersOf);
  expect(withActs(start, read)).toMatchObject({ unread_count: 0, unread_id: null, flagged: false });
  const unread = actsOf({ kind: "flags", seen: false, flagged: true }, [start], "inbox", foldersOf);
  expect(withActs(start, unread)).toMatchObject({ unread_count: 3, unread_id: "t1 newest", flagged: true });
  expect(withActs(row("m1", [inbox], { thread_id: "t1" }), unread)).toMatchObject({ flagged: true });
});

it("shows of one changed message what is known of its conversation", () => {
  const start = talk("t1", [inbox], 3, 1);
  const one = row("m1", [inbox], { thread_id: "t1" });
  const read = actsOf({ kind: "flags", seen: true, flagged: true }, [one], "inbox", foldersOf);
  expect(withActs(start, read)).toMatchObject({ unread_count: 0, unread_id: null, flagged: true });
  const archived = actsOf({ kind: "archive" }, [one], "inbox", foldersOf);
  expect(ids(rowsAfter([start], archived, "inbox"))).toEqual(["t1"]);
  expect(ids(rowsAfter([talk("t1", [inbox], 1)], archived, "inbox"))).toEqual([]);
});

it("asks for no more at once than is done in one go", () => {
  const rows = Array.from({ length: 1_100 }, (_, n) => row(`m${n}`, [inbox]));
  expect(portions(rows).map(({ length }) => length)).toEqual([500, 500, 100]);
  const long = [2_000, 500, 1, 9_000, 1].map((count, n) => talk(`t${n}`, [inbox], count));
  expect(portions(long).map(ids)).toEqual([["t0", "t1"], ["t2"], ["t3"], ["t4"]]);
});
