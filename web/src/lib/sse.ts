/**
 * Reads `text/event-stream` (HTML Living Standard, 9.2) from a fetch response. `EventSource` cannot POST and
 * reconnects by itself; a connection test must do neither.
 */
import { fetchFailed } from "./problem";

export interface ServerEvent {
  event: string;
  data: string;
}

/** Splits chunks of text into events. Lines end with LF, CR or CRLF, also when a chunk ends between CR and LF. */
export class EventParser {
  #rest = "";
  #afterCr = false;
  #event = "";
  #data: string[] = [];
  #first = true;

  push(chunk: string): ServerEvent[] {
    let text = chunk;
    if (this.#first && text.length > 0) {
      this.#first = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    if (this.#afterCr && text.length > 0) {
      this.#afterCr = false;
      if (text.startsWith("\n")) text = text.slice(1);
    }
    const out: ServerEvent[] = [];
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#afterCr = text.endsWith("\r");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const done = this.#line(line);
      if (done) out.push(done);
    }
    return out;
  }

  #line(line: string): ServerEvent | undefined {
    if (line === "") {
      const ready =
        this.#data.length > 0 ? { event: this.#event || "message", data: this.#data.join("\n") } : undefined;
      this.#event = "";
      this.#data = [];
      return ready;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    return undefined;
  }
}

/** The connection ended in the middle. Whoever stopped it knows. */
function cut(error: unknown): never {
  throw error instanceof TypeError ? fetchFailed(error) : error;
}

/** The events of a response body, until it ends. An event that the end cuts off is dropped, as the standard says. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(cut);
      yield* parser.push(decoder.decode(value, { stream: !done }));
      if (done) return;
    }
  } finally {
    // Nobody waits for the rest of the stream.
    void reader.cancel().catch(() => undefined);
  }
}
