/**
 * One error type for everything that can go wrong between the page and the server: problem+json answers
 * (RFC 9457), other error answers, and no answer at all.
 */
export interface FieldProblem {
  field: string;
  code: string;
  message: string;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /**
   * Stable; `unreachable` when no answer could come, `no_answer` when it took too long, `stopped` when a person did not
   * want to wait for it, `unexpected` when the answer was no problem document, `page_fault` when no request is to blame.
   */
  readonly code: string;
  readonly title: string;
  readonly fields: FieldProblem[];
  /** The step of a connection test that failed, as the server sent it. */
  readonly step: unknown;
  /** The account that it is about, where that is another one than was asked for. */
  readonly accountId: string | undefined;
  readonly requestId: string | undefined;
  /** Seconds to wait, from `Retry-After`. */
  readonly retryAfterSecs: number | undefined;

  constructor(init: {
    status: number;
    code: string;
    title: string;
    detail?: string | undefined;
    fields?: FieldProblem[];
    step?: unknown;
    accountId?: string | undefined;
    requestId?: string | undefined;
    retryAfterSecs?: number | undefined;
  }) {
    super(init.detail || init.title);
    this.status = init.status;
    this.code = init.code;
    this.title = init.title;
    this.fields = init.fields ?? [];
    this.step = init.step;
    this.accountId = init.accountId;
    this.requestId = init.requestId;
    this.retryAfterSecs = init.retryAfterSecs;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): FieldProblem[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return [];
    const field = text(entry.field);
    const message = text(entry.message);
    return field && message ? [{ field, message, code: text(entry.code) ?? "invalid" }] : [];
  });
}

function secondsOf(header: string | null): number | undefined {
  if (header === null || !/^\d+$/.test(header.trim())) return undefined;
  return Number(header);
}

/** Whether what was asked for is not there any more. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** What an error answer means. `body` is the parsed JSON, or anything else when it was none. */
export function problemFrom(response: Pick<Response, "status" | "headers">, body: unknown): ApiError {
  const retryAfterSecs = secondsOf(response.headers.get("retry-after"));
  const problem = isRecord(body) ? body : {};
  const code = text(problem.code);
  if (!code) {
    return new ApiError({
      status: response.status,
      code: "unexpected",
      title: "Unexpected answer",
      detail: `The server answered with status ${response.status}. Try again in a moment.`,
      retryAfterSecs,
    });
  }
  return new ApiError({
    status: response.status,
    code,
    title: text(problem.title) ?? code,
    detail: text(problem.detail),
    fields: fieldsOf(problem.fields),
    step: problem.step ?? undefined,
    accountId: text(problem.account_id),
    requestId: text(problem.request_id),
    retryAfterSecs,
  });
}

function isNamed(error: unknown, name: string): boolean {
  return isRecord(error) && error.name === name;
}

/** What `fetch`, or reading what it brings, threw: the server cannot be reached. Only there may a `TypeError` mean that. */
export function fetchFailed(error: unknown): ApiError {
  if (!(error instanceof TypeError)) return asApiError(error);
  return new ApiError({
    status: 0,
    code: "unreachable",
    title: "No connection",
    detail: "Posthouse could not be reached. Check your connection and try again.",
  });
}

/** Turns whatever was thrown into an `ApiError`. What no request brought is a fault of the page. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  // A script that could not be fetched says so there.
  if (error instanceof Error && error.cause instanceof ApiError) return error.cause;
  if (isNamed(error, "TimeoutError")) {
    return new ApiError({
      status: 0,
      code: "no_answer",
      title: "No answer",
      detail: "Posthouse did not answer in time. Try again in a moment.",
    });
  }
  if (isNamed(error, "AbortError")) {
    return new ApiError({
      status: 0,
      code: "stopped",
      title: "Stopped",
      detail: "You stopped waiting before Posthouse answered.",
    });
  }
  return new ApiError({
    status: 0,
    code: "page_fault",
    title: "A fault of the page",
    detail: `This page has a fault (${error instanceof Error ? error.message : String(error)}). Load it again.`,
  });
}
