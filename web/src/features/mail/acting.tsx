/** Changes messages: shown at once, taken back when the server refuses, and with a way back where something moved. */
import { Button, Group, Text } from "@mantine/core";
import { notifications, notificationsStore } from "@mantine/notifications";
import { type InfiniteData, type QueryClient, useMutationState } from "@tanstack/react-query";
import { useMemo } from "react";
import type { FolderList, Message } from "../../api/client";
import { keys } from "../../api/keys";
import { counted } from "../../lib/format";
import { type ApiError, asApiError } from "../../lib/problem";
import { isolated } from "../../lib/texts";
import { type Act, foldersAfter, isThread, nounOf, portions, rowsAfter, type Target, withActs } from "./acts";
import { AT_ONCE, changeMessages, type Moved, moveBack } from "./changes";
import { openThreads, threadLists } from "./threads";

const UNDO_MS = 10_000;
/** One after the other: the last wish is the one that stays. */
export const SCOPE = { id: "mail changes" };

interface Done extends Act {
  /** Messages that were not so already. */
  changed: number;
  /** Messages or conversations that are not there any more. */
  missing: number;
  /** Messages that this leaves alone. */
  kept: number;
}

interface Outcome {
  /** What the server did. */
  done: Done[];
  moved: Map<string, Moved[]>;
  /** Rows that stayed as they were, and why. */
  missed: number;
  failure: ApiError | undefined;
}

async function carryOut(acts: Act[]): Promise<Outcome> {
  const outcome: Outcome = { done: [], moved: new Map(), missed: 0, failure: undefined };
  for (const act of acts) {
    let at = 0;
    for (const rows of portions(act.rows)) {
      const { accountId, from, change: action } = act;
      try {
        const said = await changeMessages(accountId, { ...idsOf(rows), from, action });
        const { changed, missing, kept, moved } = said;
        outcome.done.push({ ...act, rows, changed, missing, kept });
        at += rows.length;
        outcome.moved.set(accountId, [...(outcome.moved.get(accountId) ?? []), ...moved]);
      } catch (error) {
        outcome.failure ??= asApiError(error);
        // What refuses some of them refuses the rest.
        outcome.missed += act.rows.length - at;
        break;
      }
    }
  }
  if (outcome.failure && outcome.done.length === 0) throw outcome.failure;
  return outcome;
}

const idsOf = (rows: Target[]) => {
  const ids = rows.map(({ id }) => id);
  return nounOf(rows) === "conversation" ? { threads: ids } : { messages: ids };
};

type Pages = InfiniteData<{ items: Target[] }>;

/** The folder that a list of mail shows, by its key. */
function folderOf(queryKey: readonly unknown[]): string | undefined {
  const folder = queryKey[3] === "search" ? queryKey[4] : queryKey[3];
  return typeof folder === "string" && folder !== "" ? folder : undefined;
}

const isList = ({ queryKey }: { queryKey: readonly unknown[] }) =>
  queryKey[0] === keys.mailAll[0] && (queryKey[2] === "list" || queryKey[2] === "threads");

/** Puts into the cache what the server has done, so that it stays when the overlay of what is asked goes. */
async function settle(queryClient: QueryClient, done: Act[]): Promise<void> {
  const accounts = [...new Set(done.map(({ accountId }) => accountId))];
  const cache = queryClient.getQueryCache();
  const busy = cache.findAll({
    predicate: (query) => isList(query) && query.state.fetchStatus === "fetching",
  });
  // What began before the change would answer with what was.
  await queryClient.cancelQueries({ predicate: isList });
  for (const [queryKey] of queryClient.getQueriesData<Pages>({ predicate: isList })) {
    queryClient.setQueryData<Pages>(queryKey, (now) => {
      if (!now?.pages) return now;
      const change = (items: Target[]) => rowsAfter(items, done, folderOf(queryKey));
      return { ...now, pages: now.pages.map((page) => ({ ...page, items: change(page.items) })) };
    });
  }
  queryClient.setQueriesData<Message>(
    // What is below a message is no message.
    { queryKey: keys.messagesOpen, predicate: ({ queryKey }) => queryKey.length === 2 },
    (now) => now && withActs(now, done),
  );
  for (const id of accounts) {
    const mine = done.filter(({ accountId }) => accountId === id);
    queryClient.setQueryData<FolderList>(
      keys.folders(id),
      (now) => now && { ...now, items: foldersAfter(now.items, mine) },
    );
    // What is shown is right already; what is looked at next is asked for then.
    void queryClient.invalidateQueries({ queryKey: keys.mail(id), refetchType: "none" });
    void queryClient.invalidateQueries({ queryKey: keys.folders(id) });
    // But of conversations not all is known here.
    void queryClient.invalidateQueries({ queryKey: openThreads(id) });
    if (mine.some(({ rows }) => rows.some((row) => !isThread(row))))
      void queryClient.invalidateQueries({ queryKey: threadLists(id) });
  }
  void queryClient.invalidateQueries({ queryKey: keys.mailEverywhere, refetchType: "none" });
  for (const { queryKey } of busy) void queryClient.invalidateQueries({ queryKey, exact: true });
}

/** Fetches again what the changes may have touched. */
async function refresh(queryClient: QueryClient, accountIds: Iterable<string>): Promise<void> {
  const ids = new Set(accountIds);
  await Promise.all([
    queryClient.invalidateQueries({
      predicate: ({ queryKey }) => queryKey[0] === "mail" && ids.has(String(queryKey[1])),
    }),
    queryClient.invalidateQueries({ queryKey: keys.mailEverywhere }),
    queryClient.invalidateQueries({
      queryKey: keys.messagesOpen,
      predicate: ({ state }) => ids.has((state.data as Message | undefined)?.account_id ?? ""),
    }),
  ]);
}

/** The changes that the server has not answered yet. Lists show them as done; one that fails falls away again. */
export function usePending(): Act[] {
  const pending = useMutationState({
    filters: { mutationKey: keys.mailChange, status: "pending" },
    select: ({ state }) => state.variables as Act[],
  });
  return useMemo(() => pending.flat(), [pending]);
}

function ask(queryClient: QueryClient, acts: Act[]): Promise<Outcome> {
  const mutation = queryClient.getMutationCache().build<Outcome, Error, Act[], unknown>(queryClient, {
    mutationKey: keys.mailChange,
    scope: SCOPE,
    gcTime: 0,
    // Without a connection it fails at once: a change that waits unseen is none.
    networkMode: "always",
    mutationFn: carryOut,
    onSuccess: ({ done }) => settle(queryClient, done),
  });
  return mutation.execute(acts);
}

interface Undoable {
  id: string;
  undo: () => void;
  /** The server has answered: from here on it lasts as long as the words about it. */
  told: boolean;
}

/** What can be taken back, the newest last. */
let undoable: Undoable[] = [];

function forget(id: string): void {
  undoable = undoable.filter((each) => each.id !== id);
}

/** Takes the newest change back that still can be. */
export function undoLast(): void {
  const { notifications: shown, queue } = notificationsStore.getState();
  const said = new Set([...shown, ...queue].map(({ id }) => id));
  undoable = undoable.filter(({ id, told }) => !told || said.has(id));
  const last = undoable.at(-1);
  if (last) last.undo();
  else notifications.show({ id: "z", message: "There is nothing to undo." });
}

async function takeBack(queryClient: QueryClient, id: string, outcome: Promise<Outcome | undefined>) {
  notifications.hide(id);
  forget(id);
  const moved = (await outcome)?.moved ?? new Map<string, Moved[]>();
  const back = new Set<string>();
  const wordsBack = () => (back.size > 0 ? `${many(back.size)} moved back.` : "");
  let gone = 0;
  try {
    for (const [accountId, list] of moved) {
      for (let at = 0; at < list.length; at += AT_ONCE) {
        const said = await moveBack(accountId, list.slice(at, at + AT_ONCE));
        gone += said.missing;
        for (const { message } of said.moved) back.add(message);
      }
    }
    const words = [wordsBack(), gone > 0 ? lost(gone) : ""].filter(Boolean);
    if (words.length > 0) notifications.show({ message: words.join(" ") });
  } catch (error) {
    const message = `${asApiError(error).message} ${wordsBack()}`.trim();
    notifications.show({ color: "red", title: "Not undone", message });
  }
  await refresh(queryClient, moved.keys());
}

const many = (count: number, noun: ReturnType<typeof nounOf> = "message") =>
  count > 1 ? counted(count, noun) : noun === "message" ? "Message" : "Conversation";

/** What was named and is not there: deleted or moved elsewhere meanwhile. */
const lost = (count: number, noun: ReturnType<typeof nounOf> = "message") =>
  `${some(count, noun)} ${count > 1 ? "are" : "is"} not there any more.`;

/** Beside what was done with others. */
const some = (count: number, noun: ReturnType<typeof nounOf>) =>
  count > 1 ? counted(count, noun) : `One ${noun}`;

interface Words {
  did: string;
  not: string;
}

function wordsOf({ change, to }: Act): Words {
  switch (change.kind) {
    case "flags":
      return { did: "changed", not: "Not changed" };
    case "archive":
      return { did: "archived", not: "Not archived" };
    case "copy":
      return { did: "copied", not: "Not copied" };
    case "delete":
      return { did: "deleted for good", not: "Not deleted" };
    case "trash":
      return { did: "moved to Trash", not: "Not deleted" };
    case "junk":
      return { did: "moved to Junk", not: "Not moved" };
    case "move":
      return { did: `moved to ${to ? isolated(to.name) : "the folder"}`, not: "Not moved" };
  }
}

/** Why some stayed as they were. */
function keptWords({ kept, change, changed }: Done): string[] {
  if (kept === 0) return [];
  const stayed = `${some(kept, "message")} stayed`;
  switch (change.kind) {
    case "delete":
      return [`${stayed}: only what is in Trash or Junk is deleted for good.`];
    case "archive":
      // Else it has words of its own.
      return changed > 0 ? [`${stayed}: what was sent stays in Sent.`] : [];
    case "junk":
      return [`${stayed}: what was sent stays in Sent, and Trash as it is.`];
    default:
      return [`${stayed}: open Trash or Junk to move what is there.`];
  }
}

function tellDone(id: string, acts: Done[], canUndo: boolean): void {
  const message = acts.flatMap((act) => [
    ...(act.changed > 0 ? [`${many(act.changed)} ${wordsOf(act).did}.`] : []),
    ...(act.missing > 0 ? [lost(act.missing, nounOf(act.rows))] : []),
    ...keptWords(act),
  ]);
  if (message.length === 0) {
    const archived = acts.some(({ change }) => change.kind === "archive");
    message.push(
      archived
        ? "Nothing to archive: sent mail stays in Sent, and the rest is archived already."
        : "Nothing to do: it is so already.",
    );
  }
  notifications.show({
    id,
    autoClose: UNDO_MS,
    message: (
      <Group justify="space-between" gap="sm" wrap="nowrap">
        <Text>{message.join(" ")}</Text>
        {canUndo && (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => undoable.find((each) => each.id === id)?.undo()}
          >
            Undo
          </Button>
        )}
      </Group>
    ),
  });
}

const added = (sum: Done, act: Done): Done => ({
  ...sum,
  changed: sum.changed + act.changed,
  missing: sum.missing + act.missing,
  kept: sum.kept + act.kept,
});

/** One sentence for each thing that was done, however many requests it took. */
function summed(done: Done[]): Done[] {
  const by = new Map<string, Done>();
  for (const act of done) {
    const { did } = wordsOf(act);
    const sum = by.get(did);
    by.set(did, sum ? added(sum, act) : act);
  }
  return [...by.values()];
}

let numbers = 0;

/** Does what is asked, says what became of it, and keeps the way back. */
export async function perform(queryClient: QueryClient, acts: Act[]): Promise<void> {
  const [first] = acts;
  if (!first) return;
  numbers += 1;
  const id = `mail change ${numbers}`;
  const asked = ask(queryClient, acts);
  const outcome = asked.catch(() => undefined);
  const moves = acts.some(({ change }) => change.kind !== "flags" && change.kind !== "delete");
  if (moves)
    undoable = [...undoable, { id, told: false, undo: () => void takeBack(queryClient, id, outcome) }];
  try {
    const { done, moved, missed, failure } = await asked;
    const kept = undoable.find((each) => each.id === id);
    if (kept) kept.told = true;
    const canUndo = [...moved.values()].some((list) => list.length > 0);
    if (!canUndo) forget(id);
    const told = summed(done.filter(({ change }) => change.kind !== "flags"));
    if (told.length > 0 && (kept || !moves)) tellDone(id, told, canUndo);
    const away = done.filter(({ missing }) => missing > 0);
    // Marks are told only where they could not be set.
    const unmarked = away.filter(({ change }) => change.kind === "flags");
    if (unmarked.length > 0)
      tellDone(`${id}, gone`, summed(unmarked.map((act) => ({ ...act, changed: 0 }))), false);
    // What is shown is not there.
    if (away.length > 0) await refresh(queryClient, new Set(away.map(({ accountId }) => accountId)));
    if (failure) {
      const stayed = many(missed, nounOf(first.rows));
      tellFailure(wordsOf(first).not, `${stayed} stayed: ${failure.message}`);
    }
  } catch (error) {
    forget(id);
    tellFailure(wordsOf(first).not, asApiError(error).message);
    // What is shown may be what was wrong.
    await refresh(queryClient, new Set(acts.map(({ accountId }) => accountId)));
  }
}

function tellFailure(title: string, message: string): void {
  notifications.show({ color: "red", title, message });
}
