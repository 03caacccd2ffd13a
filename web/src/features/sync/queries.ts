import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { type Account, type FolderChoice, type FolderList, http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";

export interface SyncChange {
  sync_minutes?: number;
  import_days?: number;
  folders: FolderChoice[];
}

/** How many messages would disappear here. */
export function useAskRemoval({ id }: Account) {
  return useMutation({
    mutationFn: async (folders: FolderChoice[]) => {
      const body = { folders, dry_run: true };
      const call = http.PATCH("/accounts/{id}/folders", { params: { path: { id } }, body });
      return (await unwrap(call)).removed_messages;
    },
  });
}

async function saveNumbers(id: string, change: SyncChange, queryClient: QueryClient): Promise<void> {
  const { folders, ...body } = change;
  if (Object.keys(body).length === 0) return;
  const account = await unwrap(http.PATCH("/accounts/{id}", { params: { path: { id } }, body }));
  queryClient.setQueryData(keys.account(id), account);
}

async function saveFolders(id: string, folders: FolderChoice[], queryClient: QueryClient): Promise<void> {
  if (folders.length === 0) return;
  const call = http.PATCH("/accounts/{id}/folders", {
    params: { path: { id } },
    body: { folders, dry_run: false },
  });
  const { items } = await unwrap(call);
  // A request that began before would answer with what was.
  await queryClient.cancelQueries({ queryKey: keys.folders(id), exact: true });
  queryClient.setQueryData<FolderList>(keys.folders(id), { items });
  await queryClient.invalidateQueries({ queryKey: keys.messageLists(id) });
}

/** Saves what was changed, and shows it wherever it is on screen. */
export function useSaveSync({ id }: Account) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async (change: SyncChange) => {
      await saveNumbers(id, change, queryClient);
      await saveFolders(id, change.folders, queryClient);
    },
  });
}
