/**
 * The one way to the server: `openapi-fetch` on the types of the checked-in OpenAPI document. Every failure
 * leaves here as an `ApiError`.
 */
import createClient from "openapi-fetch";
import { ApiError, fetchFailed, problemFrom } from "../lib/problem";
import type { components, paths } from "./schema";
import { watched } from "./waiting";

/** Where the API lives on this server. */
export const API = "/api/v1";

export type Ok<Path extends keyof paths, Method extends keyof paths[Path]> = paths[Path][Method] extends {
  responses: { 200: { content: { "application/json": infer Data } } };
}
  ? Data
  : never;

// Named after what the page calls them; taken from the answers themselves.
export type Session = Ok<"/session", "get">;
export type Account = Ok<"/accounts/{id}", "get">;
export type AccountList = Ok<"/accounts", "get">;
export type AccountRow = AccountList["items"][number];
export type SideState = AccountRow["receiving"];
export type ConnectionState = AccountRow["status"];
export type Endpoint = NonNullable<Account["smtp"]>;
export type Encryption = Endpoint["encryption"];
export type Tag = components["schemas"]["Tag"];
export type BulkRequest = components["schemas"]["BulkRequest"];
export type BulkAction = BulkRequest["action"];
export type BulkPreview = Ok<"/accounts/bulk/preview", "post">;
export type BulkRun = Ok<"/accounts/bulk/{id}", "get">;
export type Closing = Ok<"/accounts/{id}/closing", "get">;
export type FolderList = Ok<"/accounts/{id}/folders", "get">;
export type Folder = FolderList["items"][number];
export type FolderChoice = components["schemas"]["FolderChoice"];
export type MessageList = Ok<"/accounts/{id}/messages", "get">;
export type MessageRow = MessageList["items"][number];
export type Mailbox = MessageRow["to"][number];
export type ThreadList = Ok<"/accounts/{id}/threads", "get">;
export type ThreadRow = ThreadList["items"][number];
export type Thread = Ok<"/threads/{id}", "get">;
export type SearchPage = Ok<"/messages/search", "get">;
export type SearchHit = SearchPage["items"][number];
export type TextPart = components["schemas"]["TextPart"];
export type Message = Ok<"/messages/{id}", "get">;
export type Outgoing = Ok<"/outgoing/{id}", "get">;
export type OutgoingList = Ok<"/accounts/{id}/outgoing", "get">;
export type NoticeList = Ok<"/notices", "get">;
export type Notice = NoticeList["items"][number];
export type MailSettings = Ok<"/notices/mail", "get">;
export type ConnectRequest = components["schemas"]["ConnectRequest"];
export type ReconnectRequest = components["schemas"]["ReconnectRequest"];
export type ConnectStep = components["schemas"]["ConnectStep"];
export type TestResult = components["schemas"]["TestResult"];
export type ProviderCard = Ok<"/providers", "get">["items"][number];
export type ProviderKind = ProviderCard["kind"];
export type OAuthChoice = ProviderCard["oauth"][number];
export type OAuthProviderSettings = Ok<"/oauth/providers", "get">["items"][number];
export type OAuthApp = OAuthProviderSettings["apps"][number];
export type AppCheck = components["schemas"]["AppCheck"];
export type BeginConsent = components["schemas"]["BeginConsent"];
export type ConsentFlow = Ok<"/oauth/flows/{id}", "get">;
/** `account_id`: the account that has the address. */
export type ConsentProblem = components["schemas"]["ConsentProblem"] & { account_id?: string | null };
export type DiscoverRequest = components["schemas"]["DiscoverRequest"];
export type Discovered = components["schemas"]["Discovered"];
export type Found = components["schemas"]["Found"];
export type FoundServer = components["schemas"]["FoundServer"];
export type Looked = components["schemas"]["Looked"];

export type OwnerLink = components["schemas"]["OwnerLink"];
export type MadeOwnerLink = components["schemas"]["MadeOwnerLink"];
export type OwnerLinkRequest = components["schemas"]["MakeOwnerLink"];
export type OwnerLinkPage = components["schemas"]["OwnerLinkPage"];
export type UseOwnerLink = components["schemas"]["UseOwnerLink"];
export type OwnerLinkResult = components["schemas"]["OwnerLinkResult"];
export type Import = Ok<"/accounts/imports/{id}", "get">;
export type ImportRows = Ok<"/accounts/imports/{id}/rows", "get">;
export type ImportRow = ImportRows["items"][number];
export type RowProblem = ImportRow["problems"][number];
export type StartImport = components["schemas"]["StartImport"];

export const origin = globalThis.location?.origin ?? "";

/** A server that has not answered by then will not: it hangs, or the network swallows what it says. */
export const LIMIT_MS = 30_000;
/** Saving a connection tests both of its mail servers first, step by step with limits of their own. */
export const TESTED_LIMIT_MS = 180_000;

/** Ends the request when somebody stops it or its time is over. */
function limited(request: Request, limitMs: number): Request {
  return new Request(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(limitMs)]) });
}

function client(limitMs: number, watch: <T>(answer: Promise<T>) => Promise<T>) {
  const made = createClient<paths>({
    baseUrl: `${origin}${API}`,
    // Looked up at each call, so that a test can stand in for the network.
    fetch: (request) => watch(globalThis.fetch(limited(request, limitMs))),
  });
  made.use({
    onRequest({ request }) {
      // The server takes no state-changing request without it, also where there is no body.
      if (request.method !== "GET") request.headers.set("content-type", "application/json");
      return request;
    },
  });
  return made;
}

export const http = client(LIMIT_MS, watched);
/** For requests that the server answers only after it asked mail servers. */
export const patientHttp = client(TESTED_LIMIT_MS, (answer) => answer);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of a successful answer; everything else is thrown as an `ApiError`. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    throw fetchFailed(error);
  }
  if (!answer.response.ok) throw problemFrom(answer.response, answer.error);
  return answer.data as T;
}

/** The step that a refused connection stopped at, when the server named one. */
export function failedStep(error: unknown): ConnectStep | undefined {
  return error instanceof ApiError && error.step ? (error.step as ConnectStep) : undefined;
}
