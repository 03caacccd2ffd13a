/** What the server is asked to do with messages, and what it tells of one beside its text. */
import { queryOptions } from "@tanstack/react-query";
import { API, http, type Ok, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import type { components } from "../../api/schema";
import { fetchFailed, problemFrom } from "../../lib/problem";

/** What can be done. `delete` is for good. */
export type Change = components["schemas"]["MessageAction"];
export type ChangeRequest = components["schemas"]["ChangeMessages"];
/** Where a message was, and where it is now. */
export type Moved = components["schemas"]["MessageMove"];
type ChangeResult = Ok<"/accounts/{id}/messages/change", "post">;

/** Messages, conversations and moves that one request may name. */
export const AT_ONCE = 500;

export const changeMessages = (accountId: string, body: ChangeRequest): Promise<ChangeResult> =>
  unwrap(http.POST("/accounts/{id}/messages/change", { params: { path: { id: accountId } }, body }));

/** Undoes moves: each copy goes back into its own folder. */
export const moveBack = (accountId: string, moves: Moved[]): Promise<ChangeResult> =>
  unwrap(
    http.POST("/accounts/{id}/messages/move-back", { params: { path: { id: accountId } }, body: { moves } }),
  );

export const headersQuery = (id: string) =>
  queryOptions({
    queryKey: keys.headers(id),
    queryFn: () => unwrap(http.GET("/messages/{id}/headers", { params: { path: { id } } })),
    // A message does not change.
    staleTime: Number.POSITIVE_INFINITY,
  });

/** More of a source than this is for an editor, not for a dialog. */
const SOURCE_SHOWN = 256 * 1024;
const LIMIT_MS = 30_000;

export interface Source {
  text: string;
  /** There is more of it. */
  cut: boolean;
}

/** Reads no more than is shown, whatever the message's size. */
async function beginning(body: ReadableStream<Uint8Array>): Promise<Source> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let read = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), cut: false };
    text += decoder.decode(value.subarray(0, SOURCE_SHOWN - read), { stream: true });
    read += value.length;
    if (read <= SOURCE_SHOWN) continue;
    void reader.cancel();
    return { text, cut: true };
  }
}

async function fetchSource(id: string, signal: AbortSignal): Promise<Source> {
  try {
    const response = await globalThis.fetch(new URL(rawAddress(id), globalThis.location.origin), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
    });
    if (!response.ok) throw problemFrom(response, await response.json().catch(() => undefined));
    return response.body ? await beginning(response.body) : { text: "", cut: false };
  } catch (error) {
    throw fetchFailed(error);
  }
}

export const rawAddress = (id: string) => `${API}/messages/${id}/raw`;

export const sourceQuery = (id: string) =>
  queryOptions({
    queryKey: keys.source(id),
    queryFn: ({ signal }) => fetchSource(id, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
