/**
 * The one way to the server: `openapi-fetch` on the types of the checked-in OpenAPI document. Every failure
 * leaves here as an `ApiError`.
 */
import createClient from "openapi-fetch";
import { ApiError, asApiError, problemFrom } from "../lib/problem";
import { readEvents } from "../lib/sse";
import type { components, operations, paths } from "./schema";

type Schemas = components["schemas"];
export type Session = Schemas["Session"];
export type Account = Schemas["Account"];
export type AccountRow = Schemas["AccountRow"];
export type AccountList = Schemas["AccountList"];
export type AccountSummary = Schemas["AccountSummary"];
export type Closing = Schemas["Closing"];
export type ConnectionState = Schemas["ConnectionState"];
export type ConnectRequest = Schemas["ConnectRequest"];
export type ConnectStep = Schemas["ConnectStep"];
export type Encryption = Schemas["Encryption"];
export type Endpoint = Schemas["Endpoint"];
export type Folder = Schemas["Folder"];
export type Mailbox = Schemas["Mailbox"];
export type Message = Schemas["Message"];
export type MessageList = Schemas["MessageList"];
export type MessageRow = Schemas["MessageRow"];
export type Outgoing = Schemas["Outgoing"];
export type OutgoingList = Schemas["OutgoingList"];
export type ReconnectRequest = Schemas["ReconnectRequest"];
export type SideState = Schemas["SideState"];
export type { operations };

const origin = globalThis.location?.origin ?? "";

export const http = createClient<paths>({
  baseUrl: origin,
  // Looked up at each call, so that a test can stand in for the network.
  fetch: (request) => globalThis.fetch(request),
});

http.use({
  onRequest({ request }) {
    // The server takes no state-changing request without it, also where there is no body.
    if (request.method !== "GET") request.headers.set("content-type", "application/json");
    return request;
  },
});

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
    throw asApiError(error);
  }
  if (!answer.response.ok) throw problemFrom(answer.response, answer.error);
  return answer.data as T;
}

export interface TestResult {
  ok: boolean;
  imap_ok: boolean | null;
  smtp_ok: boolean | null;
}

/** Runs a connection test and reports each step as it comes. Nothing is saved. */
export async function streamTest(
  path: string,
  body: ConnectRequest | ReconnectRequest,
  onStep: (step: ConnectStep) => void,
  signal: AbortSignal,
): Promise<TestResult> {
  let response: Response;
  try {
    response = await globalThis.fetch(`${origin}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw asApiError(error);
  }
  if (!response.ok || !response.body) {
    throw problemFrom(response, await response.json().catch(() => undefined));
  }
  for await (const event of readEvents(response.body)) {
    if (event.event === "step") onStep(JSON.parse(event.data) as ConnectStep);
    if (event.event === "done") return JSON.parse(event.data) as TestResult;
  }
  throw new ApiError({
    status: 0,
    code: "test_cut_off",
    title: "The test was cut off",
    detail: "The connection to Posthouse ended before the test did. Run it again.",
  });
}

/** The step that a refused connection stopped at, when the server named one. */
export function failedStep(error: unknown): ConnectStep | undefined {
  return error instanceof ApiError && error.step ? (error.step as ConnectStep) : undefined;
}
