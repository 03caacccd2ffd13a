import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Account, Folder, FolderChoice } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { useOneAtATime } from "../../ui/action";
import type { SummaryEntry } from "../../ui/ErrorSummary";
import { useUnsaved } from "../../ui/unsaved";
import { foldersQuery } from "../mail/queries";
import { type SyncChange, useAskRemoval, useSaveSync } from "./queries";
import type { Role } from "./words";

/** What was changed and not saved. Everything else follows the server. */
interface Draft {
  sync_minutes?: number;
  import_days?: number;
  folders: ReadonlyMap<string, boolean>;
  /** What folders are for by hand; null: as the server says. */
  uses: ReadonlyMap<string, Role | null>;
}

const NOTHING: Draft = { folders: new Map(), uses: new Map() };

interface Trouble {
  fields: Record<string, string>;
  entries: SummaryEntry[];
  round: number;
}

/** Leaving folders out takes messages away: asked first. */
export interface Removal {
  messages: number;
  folders: Folder[];
}

function changeOf(draft: Draft, account: Account, folders: Folder[]): SyncChange {
  const change: SyncChange = { folders: [] };
  const { sync_minutes, import_days } = draft;
  if (sync_minutes !== undefined && sync_minutes !== account.sync_minutes) change.sync_minutes = sync_minutes;
  if (import_days !== undefined && import_days !== account.import_days) change.import_days = import_days;
  for (const { id, selected, role_by_hand } of folders) {
    const choice: FolderChoice = { id };
    const wanted = draft.folders.get(id);
    if (wanted !== undefined && wanted !== selected) choice.selected = wanted;
    const use = draft.uses.get(id);
    if (use !== undefined && use !== (role_by_hand ?? null)) choice.role = use;
    if (Object.keys(choice).length > 1) change.folders.push(choice);
  }
  // A use is taken from one folder before another has it.
  change.folders.sort((a, b) => Number(a.role != null) - Number(b.role != null));
  return change;
}

/** A role that is given to a folder is no other folder's by hand. */
function given(uses: Draft["uses"], folders: Folder[], id: string, role: Role | null): Draft["uses"] {
  const next = new Map(uses);
  for (const other of folders) {
    const has = next.has(other.id) ? next.get(other.id) : other.role_by_hand;
    if (role && has === role) next.set(other.id, null);
  }
  return next.set(id, role);
}

function isEmpty({ folders, ...numbers }: SyncChange): boolean {
  return folders.length === 0 && Object.keys(numbers).length === 0;
}

/** How an account is kept in sync, as a form. */
export function useSyncForm(account: Account, onSaved: () => void) {
  const [draft, setDraft] = useState(NOTHING);
  const [trouble, setTrouble] = useState<Trouble>({ fields: {}, entries: [], round: 0 });
  const [removal, setRemoval] = useState<Removal>();
  const query = useQuery(foldersQuery(account.id));
  const ask = useAskRemoval(account);
  const save = useSaveSync(account);
  const once = useOneAtATime();
  const folders = query.data?.items ?? [];
  const change = changeOf(draft, account, folders);
  const dirty = !isEmpty(change);
  useUnsaved(dirty);

  const told = (error: unknown) => {
    const problem = asApiError(error);
    const entries = problem.fields.length > 0 ? problem.fields : [{ message: problem.message }];
    const fields = Object.fromEntries(problem.fields.map((each) => [each.field, each.message]));
    setTrouble(({ round }) => ({ fields, entries, round: round + 1 }));
  };
  const saveNow = async () => {
    setTrouble(({ round }) => ({ fields: {}, entries: [], round }));
    try {
      await save.mutateAsync(change);
      setRemoval(undefined);
      setDraft(NOTHING);
      onSaved();
    } catch (error) {
      setRemoval(undefined);
      told(error);
    }
  };
  const submit = async () => {
    if (!dirty) return onSaved();
    const left = change.folders.filter(({ selected }) => selected === false);
    try {
      const messages = left.length > 0 ? await ask.mutateAsync(change.folders) : 0;
      if (messages > 0) {
        const named = folders.filter(({ id }) => left.some((each) => each.id === id));
        return setRemoval({ messages, folders: named });
      }
    } catch (error) {
      return told(error);
    }
    await saveNow();
  };
  const used = ({ id, role_by_hand }: Folder): Role | null =>
    (draft.uses.has(id) ? draft.uses.get(id) : role_by_hand) ?? null;
  return {
    account,
    query,
    folders,
    dirty,
    trouble,
    removal,
    minutes: draft.sync_minutes ?? account.sync_minutes,
    days: draft.import_days ?? account.import_days,
    chosen: ({ id, selected }: Folder) => draft.folders.get(id) ?? selected,
    setMinutes: (sync_minutes: number) => setDraft((now) => ({ ...now, sync_minutes })),
    setDays: (import_days: number) => setDraft((now) => ({ ...now, import_days })),
    choose: ({ id }: Folder, selected: boolean) =>
      setDraft((now) => ({ ...now, folders: new Map(now.folders).set(id, selected) })),
    /** What a person says that it is for. */
    used,
    use: ({ id }: Folder, role: Role | null) =>
      setDraft((now) => ({ ...now, uses: given(now.uses, folders, id, role) })),
    /** The folder that has this role by hand. */
    holder: (role: Role) => folders.find((each) => used(each) === role),
    busy: ask.isPending || save.isPending,
    submit: () => void once(submit),
    confirm: () => void once(saveNow),
    keep: () => setRemoval(undefined),
  };
}

export type SyncForm = ReturnType<typeof useSyncForm>;
