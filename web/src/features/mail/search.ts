/** Search over mail: what is asked, and which parts of it the chips beside the field stand for. */
import { infiniteQueryOptions } from "@tanstack/react-query";
import { http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";

const PAGE = 50;
/** While older mail is put into the index, what is found grows. */
const INDEXING_MS = 15_000;

export interface Asked {
  /** None: all accounts that one may read. */
  accountId: string | undefined;
  folder: string | undefined;
  q: string;
}

export const searchQuery = ({ accountId, folder, q }: Asked) =>
  infiniteQueryOptions({
    queryKey: keys.mailSearch(accountId, folder, q),
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET("/messages/search", {
          params: { query: { q, account_id: accountId, folder_id: folder, cursor: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    refetchInterval: ({ state }) => (state.data?.pages[0]?.indexing ? INDEXING_MS : false),
  });

/** Parts of a search that are chosen instead of typed. */
export const CHIPS = [
  { part: "is:unread", label: "Unread" },
  { part: "is:flagged", label: "Flagged" },
  { part: "has:attachment", label: "With files" },
] as const;

const parts = (q: string) => q.split(/\s+/).filter(Boolean);

export const hasPart = (q: string, part: string) => parts(q).includes(part);

/** The search with this part, or without it. What is typed stays as it is. */
export function withPart(q: string, part: string, on: boolean): string {
  if (on) return `${part} ${q}`.trim();
  return q.replace(new RegExp(`(^|\\s)${part}(?=\\s|$)`, "g"), " ").replace(/^\s+|\s+$/g, "");
}

/** What can be typed, and what it finds. */
export const OPERATORS: [string, string][] = [
  ["offer quote", "both words"],
  ["“for your team”", "the words in a row"],
  ["-draft", "without the word"],
  ["from:ana  to:ben", "sender, recipient: name or address"],
  ["subject:quote", "in the subject"],
  ["has:attachment", "with files"],
  ["is:unread  is:flagged", "by its marks"],
  ["in:archive", "in a folder"],
  ["label:customers", "under a label of Gmail"],
  ["after:2026-01-01  before:2026-02-01", "from a day on, before a day"],
  ["account:sales@acme.test", "in one account"],
];
