/** What is done with many accounts at once: the words, the calls, and the way back. */
import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { keepPreviousData, type QueryClient, queryOptions, useQueryClient } from "@tanstack/react-query";
import { type BulkAction, type BulkRequest, type BulkRun, http, unwrap } from "../../api/client";
import { type AccountFilter, keys } from "../../api/keys";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { useAction } from "../../ui/action";
import { ButtonLink } from "../../ui/links";
import type { Selection } from "../../ui/selection";
import { narrowing } from "./filter";

const POLL_MS = 500;
const UNDO_MS = 15_000;

export const ACTIONS: Record<BulkAction, { button: string; title: string; will: string; did: string }> = {
  pause: { button: "Pause", title: "Pause", will: "will be paused", did: "paused" },
  resume: { button: "Resume", title: "Resume", will: "will be resumed", did: "resumed" },
  add_tag: { button: "Add tag", title: "Add a tag to", will: "will get the tag", did: "tagged" },
  remove_tag: { button: "Remove tag", title: "Take a tag off", will: "will lose the tag", did: "untagged" },
  retry: { button: "Try now", title: "Try again now:", will: "will be tried now", did: "to be tried now" },
  delete: { button: "Delete", title: "Delete", will: "will be deleted for good", did: "being deleted" },
};

/** What the server is asked: those chosen, or all that fit the filter. */
export function requestFor(action: BulkAction, selection: Selection, filter: AccountFilter): BulkRequest {
  if (selection.all) return { action, filter: narrowing(filter) as NonNullable<BulkRequest["filter"]> };
  return { action, accounts: [...selection.ids] };
}

export const previewQuery = (request: BulkRequest) =>
  queryOptions({
    queryKey: keys.bulkPreview(request),
    queryFn: () => unwrap(http.POST("/accounts/bulk/preview", { body: request })),
    placeholderData: keepPreviousData,
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: keys.bulk(id),
    queryFn: () => unwrap(http.GET("/accounts/bulk/{id}", { params: { path: { id } } })),
    refetchInterval: ({ state }) => (state.data?.finished ? false : POLL_MS),
  });

export function useStartBulk() {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (request: BulkRequest) => unwrap(http.POST("/accounts/bulk", { body: request })),
    onSuccess: (run) => queryClient.setQueryData(keys.bulk(run.id), run),
  });
}

export function useUndo(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: () => unwrap(http.POST("/accounts/bulk/{id}/undo", { params: { path: { id } } })),
    onSuccess: (run) => {
      queryClient.setQueryData(keys.bulk(run.id), run);
      return queryClient.invalidateQueries({ queryKey: keys.bulk(id) });
    },
  });
}

export function refreshAll(queryClient: QueryClient): Promise<void> {
  return queryClient.invalidateQueries({ queryKey: keys.accounts });
}

async function undo(queryClient: QueryClient, id: string): Promise<void> {
  const show = { id: `undo ${id}`, loading: true, autoClose: false as const, message: "Undoing…" };
  notifications.show(show);
  try {
    let run = await unwrap(http.POST("/accounts/bulk/{id}/undo", { params: { path: { id } } }));
    while (!run.finished) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      run = await unwrap(http.GET("/accounts/bulk/{id}", { params: { path: { id: run.id } } }));
    }
    const missed =
      run.failed.length > 0 ? ` ${counted(run.total - run.changed, "account")} could not be.` : "";
    const message = `Undone: ${counted(run.changed, "account")} ${ACTIONS[run.action].did}.${missed}`;
    notifications.update({ ...show, loading: false, autoClose: UNDO_MS, message });
  } catch (error) {
    const message = asApiError(error).message;
    notifications.update({ ...show, loading: false, color: "red", title: "Not undone", message });
  }
  await refreshAll(queryClient);
}

/** Says how it ended, with the way back where there is one. */
export function tellEnd(queryClient: QueryClient, run: BulkRun): void {
  const id = `bulk ${run.id}`;
  notifications.show({
    id,
    autoClose: UNDO_MS,
    message: (
      <Group justify="space-between" gap="sm" wrap="nowrap">
        <Text>
          {counted(run.changed, "account")} {ACTIONS[run.action].did}.
        </Text>
        <Group gap="xs" wrap="nowrap">
          <ButtonLink
            to="/accounts"
            search={{ run: run.id }}
            size="compact-sm"
            variant="subtle"
            onClick={() => notifications.hide(id)}
          >
            Details
          </ButtonLink>
          {run.can_undo && (
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => {
                notifications.hide(id);
                void undo(queryClient, run.id);
              }}
            >
              Undo
            </Button>
          )}
        </Group>
      </Group>
    ),
  });
}
