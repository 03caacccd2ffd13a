/** Mail as it is shown: what the server told, with what it has been asked to change already done. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Folder } from "../../api/client";
import { usePending } from "./acting";
import { foldersAfter, rowsAfter, type Target } from "./acts";
import { foldersQuery } from "./queries";

export function useItems<Row extends Target>(
  pages: { items: Row[] }[] | undefined,
  folder: string | undefined,
): Row[] {
  const pending = usePending();
  return useMemo(
    () => rowsAfter(pages?.flatMap((page) => page.items) ?? [], pending, folder),
    [pages, pending, folder],
  );
}

export function useFolders(accountId: string): Folder[] {
  const { data } = useQuery(foldersQuery(accountId));
  const pending = usePending();
  return useMemo(() => {
    const mine = pending.filter((act) => act.accountId === accountId);
    return foldersAfter(data?.items ?? [], mine);
  }, [data, pending, accountId]);
}
