import { describe, expect, it } from "vitest";
import { EventParser, readEvents } from "./sse";

function parse(...chunks: string[]) {
  const parser = new EventParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

describe("EventParser", () => {
  it("reads name and data, and joins lines of data", () => {
    expect(parse("event: step\ndata: a\ndata:b\n\n")).toEqual([{ event: "step", data: "a\nb" }]);
  });

  it("takes LF, CR and CRLF, also when a chunk ends in the middle of CRLF", () => {
    const wanted = [
      { event: "message", data: "1" },
      { event: "message", data: "2" },
    ];
    expect(parse("data: 1\r\n\r\ndata: 2\r\n\r\n")).toEqual(wanted);
    expect(parse("data: 1\r", "\n\r", "\ndata: 2\r\r")).toEqual(wanted);
  });

  it("gives the same events however the text is cut", () => {
    const text = '\uFEFF: ping\nevent: step\ndata: {"a": 1}\n\nevent: done\r\ndata: ü\r\n\r\n';
    const whole = parse(text);
    expect(whole).toHaveLength(2);
    for (let at = 1; at < text.length; at++) expect(parse(text.slice(0, at), text.slice(at))).toEqual(whole);
    expect(parse(...text)).toEqual(whole);
  });

  it("skips comments, unknown fields and events without data", () => {
    expect(parse(": ping\n\nid: 4\nretry: 10\n\nevent: empty\n\ndata\n\n")).toEqual([
      { event: "message", data: "" },
    ]);
  });

  it("drops an event that was not finished", () => {
    expect(parse("data: half\n")).toEqual([]);
  });
});

describe("readEvents", () => {
  it("decodes characters that two chunks share", async () => {
    const bytes = new TextEncoder().encode("data: grüße\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const seen = [];
    for await (const event of readEvents(body)) seen.push(event);
    expect(seen).toEqual([{ event: "message", data: "grüße" }]);
  });
});
