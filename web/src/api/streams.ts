/** Requests beside the typed ones: files, and work that tells about itself. The first page needs none of them. */
import { ApiError, fetchFailed, problemFrom } from "../lib/problem";
import { readEvents } from "../lib/sse";
import {
  API,
  type ConnectRequest,
  type ConnectStep,
  type Discovered,
  type DiscoverRequest,
  type Import,
  LIMIT_MS,
  type Looked,
  type OwnerLinkResult,
  origin,
  type ReconnectRequest,
  TESTED_LIMIT_MS,
  type TestResult,
  type UseOwnerLink,
} from "./client";

/** Uploads a file of accounts as it is. */
export async function uploadImport(file: File): Promise<Import> {
  let response: Response;
  try {
    response = await globalThis.fetch(
      `${origin}${API}/accounts/imports?name=${encodeURIComponent(file.name)}`,
      {
        method: "POST",
        headers: { "content-type": "text/csv" },
        body: file,
        signal: AbortSignal.timeout(LIMIT_MS),
      },
    );
  } catch (error) {
    throw fetchFailed(error);
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw problemFrom(response, body);
  return body as Import;
}

/** What a stream tells on the way, and its end. */
interface StreamNames {
  /** The name of the events before the last one. */
  each: string;
  /** For people, when the stream ends early. */
  what: string;
}

/** Asks for work that tells about itself until its last event, `done`, which is the answer. */
async function streamWork<Step, Result>(
  path: string,
  body: object,
  { each, what }: StreamNames,
  onStep: (step: Step) => void,
  signal: AbortSignal,
): Promise<Result> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TESTED_LIMIT_MS)]);
  let response: Response;
  try {
    response = await globalThis.fetch(`${origin}${API}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(body),
      signal: limit,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw fetchFailed(error);
  }
  if (!response.ok || !response.body) {
    throw problemFrom(response, await response.json().catch(() => undefined));
  }
  for await (const event of readEvents(response.body)) {
    if (event.event === each) onStep(JSON.parse(event.data) as Step);
    if (event.event === "done") return JSON.parse(event.data) as Result;
  }
  throw new ApiError({
    status: 0,
    code: "cut_off",
    title: `The ${what} was cut off`,
    detail: `The connection to Posthouse ended before the ${what} did. Run it again.`,
  });
}

/** Runs a connection test and reports each step as it comes. Nothing is saved. */
export function streamTest(
  path: string,
  body: ConnectRequest | ReconnectRequest,
  onStep: (step: ConnectStep) => void,
  signal: AbortSignal,
): Promise<TestResult> {
  return streamWork(path, body, { each: "step", what: "test" }, onStep, signal);
}

/** Connects a mailbox by its owner's link and reports each step as it comes. */
export function streamOwnerLink(
  body: UseOwnerLink,
  onStep: (step: ConnectStep) => void,
  signal: AbortSignal,
): Promise<OwnerLinkResult> {
  return streamWork("/owner-links/use", body, { each: "step", what: "test" }, onStep, signal);
}

/** Finds the servers of an address and reports each place that is looked at. No password is involved. */
export function streamDiscovery(
  body: DiscoverRequest,
  onLooked: (looked: Looked) => void,
  signal: AbortSignal,
): Promise<Discovered> {
  return streamWork("/accounts/discover", body, { each: "looked", what: "search" }, onLooked, signal);
}
