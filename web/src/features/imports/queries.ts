import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { http, type Import, type ImportRow, type StartImport, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { uploadImport } from "../../api/streams";
import { useAction } from "../../ui/action";

/** The live stream tells of this node only: another one may do the work. */
const WHILE_WORKING_MS = 3_000;
const PAGE = 200;

export type Outcome = ImportRow["state"];

export function isWorking(run: Import | undefined): boolean {
  return run?.state === "testing" || run?.state === "connecting";
}

/** The newest file of this person; null when there is none. */
export const latestImportQuery = queryOptions({
  queryKey: keys.importList,
  queryFn: async ({ signal }) => {
    const list = await unwrap(http.GET("/accounts/imports", { params: { query: { limit: 1 } }, signal }));
    return list.items[0] ?? null;
  },
  refetchInterval: ({ state }) => (isWorking(state.data ?? undefined) ? WHILE_WORKING_MS : false),
});

export const importRowsQuery = (id: string, outcome: Outcome | undefined) =>
  infiniteQueryOptions({
    queryKey: keys.importRows(id, outcome),
    queryFn: ({ pageParam, signal }) => {
      const query = {
        limit: PAGE,
        ...(outcome ? { outcome } : {}),
        ...(pageParam ? { cursor: pageParam } : {}),
      };
      return unwrap(http.GET("/accounts/imports/{id}/rows", { params: { path: { id }, query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

export function useUpload() {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (file: File) => uploadImport(file),
    onSuccess: (run) => queryClient.setQueryData(keys.importList, run),
  });
}

export function useStart(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (body: StartImport) =>
      unwrap(http.POST("/accounts/imports/{id}/start", { params: { path: { id } }, body })),
    // Also when it was refused: another window may have done it.
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.imports }),
  });
}

export function useStop(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: () => unwrap(http.POST("/accounts/imports/{id}/stop", { params: { path: { id } } })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.imports }),
  });
}

export function useDiscard(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationKey: keys.importDiscard(id),
    mutationFn: () => unwrap(http.DELETE("/accounts/imports/{id}", { params: { path: { id } } })),
    // One that is on its way came too late.
    onMutate: () => queryClient.cancelQueries({ queryKey: keys.imports }),
    // The rows of one that is gone are asked for no more; the list then says which one is shown.
    onSuccess: () => queryClient.setQueryData(keys.importList, null),
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.importList }),
  });
}
