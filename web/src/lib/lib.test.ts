import { describe, expect, it } from "vitest";
import { bytes, counted, sentences } from "./format";
import { placeOf } from "./host";
import { passwordStrength } from "./password";
import { safeReturnPath } from "./paths";
import { portFollowing } from "./ports";
import { asApiError, fetchFailed, problemFrom } from "./problem";
import { directionOf, initials, isolated } from "./texts";
import { dueTime, exactTime, lasted, listTime, relativeTime } from "./time";

const NOW = Date.parse("2026-11-21T10:00:00.000Z");
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

describe("relative time", () => {
  it.each([
    [0, "now"],
    [-4, "now"],
    [-30, "30 s ago"],
    [240, "in 4 min"],
    [-90 * 60, "2 h ago"],
    [-35 * 3600, "35 h ago"],
    [-3 * 86_400, "3 days ago"],
    [-90 * 86_400, "3 months ago"],
    [-800 * 86_400, "2 years ago"],
  ])("%d s is %s", (seconds, words) => expect(relativeTime(at(seconds), NOW)).toBe(words));

  it("says how long something has lasted, never a negative time", () => {
    expect(lasted(at(-600), NOW)).toBe("for 10 min");
    expect(lasted(at(60), NOW)).toBe("for 1 s");
  });

  it("never puts what is still to happen into the past", () => {
    expect(dueTime(at(240), NOW)).toBe("in 4 min");
    expect(dueTime(at(-30), NOW)).toBe("now");
  });

  it("is empty for what is no time", () => expect(relativeTime("soon", NOW)).toBe(""));
});

describe("exact time", () => {
  it("names its zone", () => {
    expect(exactTime("2026-11-21T09:40:00.123Z", "Europe/Berlin")).toBe(
      "21 Nov 2026, 10:40:00, Europe/Berlin",
    );
  });
});

describe("time in a list", () => {
  it("is the hour today, the day this year, else the date, in the given zone", () => {
    expect(listTime("2026-11-21T09:05:00Z", NOW, "UTC")).toBe("09:05");
    expect(listTime("2026-11-20T23:30:00Z", NOW, "UTC")).toBe("20 Nov");
    expect(listTime("2026-11-20T23:30:00Z", NOW, "Europe/Berlin")).toBe("00:30");
    expect(listTime("2025-12-31T12:00:00Z", NOW, "UTC")).toBe("2025-12-31");
  });
});

describe("problems", () => {
  const answer = (status: number, headers: Record<string, string> = {}) => ({
    status,
    headers: new Headers(headers),
  });

  it("keeps code, detail, fields, step and request id", () => {
    const error = problemFrom(answer(422), {
      code: "validation_failed",
      title: "Not valid",
      detail: "Some fields are not right.",
      fields: [{ field: "smtp.host", code: "empty", message: "Enter a server." }, { field: 3 }, null],
      step: { step: "auth" },
      request_id: "r1",
    });
    expect(error).toMatchObject({
      status: 422,
      code: "validation_failed",
      message: "Some fields are not right.",
      fields: [{ field: "smtp.host", code: "empty", message: "Enter a server." }],
      step: { step: "auth" },
      requestId: "r1",
    });
  });

  it("reads Retry-After in seconds only", () => {
    expect(problemFrom(answer(429, { "retry-after": "90" }), { code: "rate_limited" }).retryAfterSecs).toBe(
      90,
    );
    expect(
      problemFrom(answer(429, { "retry-after": "Fri" }), { code: "rate_limited" }).retryAfterSecs,
    ).toBeUndefined();
  });

  it.each([undefined, "<html>bad gateway</html>", [], { detail: "no code" }])(
    "takes %j for an unexpected answer",
    (body) => {
      expect(problemFrom(answer(502), body)).toMatchObject({ code: "unexpected", status: 502 });
    },
  );

  it("takes a failed fetch for an unreachable server, and no fault of the page for one", () => {
    expect(fetchFailed(new TypeError("fetch failed"))).toMatchObject({ code: "unreachable", status: 0 });
    const fault = asApiError(new TypeError("Cannot destructure property 'word'"));
    expect(fault).toMatchObject({ code: "page_fault", status: 0 });
    expect(fault.message).toMatch(
      /^This page has a fault \(Cannot destructure property 'word'\)\. Load it again/,
    );
    // A script that could not be fetched.
    const missing = new TypeError("A part could not be fetched.", {
      cause: fetchFailed(new TypeError("no")),
    });
    expect(asApiError(missing)).toMatchObject({ code: "unreachable" });
  });
});

describe("the name of a server", () => {
  it.each([
    ["imap.old.test", { host: "imap.old.test" }],
    [" imap.old.test ", { host: "imap.old.test" }],
    ["http://localhost/", { host: "localhost" }],
    ["localhost:993", { host: "localhost", port: 993 }],
    ["imaps://mail.old.test:993/", { host: "mail.old.test", port: 993 }],
    ["10.0.0.1:143", { host: "10.0.0.1", port: 143 }],
    ["::1", { host: "::1" }],
    ["[2001:db8::1]:993", { host: "2001:db8::1", port: 993 }],
    ["", { host: "" }],
    ["https://old.test/mail?a=1", undefined],
    ["ben@old.test", undefined],
    ["two words", undefined],
    ["host:port", undefined],
  ])("%j is %j", (typed, place) => expect(placeOf(typed)).toEqual(place));
});

describe("names of people", () => {
  it.each([
    ["Ana Diaz", "AD"],
    ["ana", "A"],
    ["Ana María Díaz", "AD"],
    ["👩‍👩‍👧 Team", "👩‍👩‍👧T"],
    ["🇩🇪", "🇩🇪"],
    ["\u202Eevil name", "EN"],
    ["", ""],
  ])("%s has the initials %s", (name, letters) => expect(initials(name)).toBe(letters));

  it.each([
    ["Ana", "ltr"],
    ["“محمد”", "rtl"],
    ["1 שלום", "rtl"],
    ["", "ltr"],
  ])("%s is written %s", (name, direction) => expect(directionOf(name)).toBe(direction));

  it("keep their writing direction to themselves", () => {
    expect(`To ${isolated("محمد")} · 1 sent`).toBe("To \u2068محمد\u2069 · 1 sent");
    expect(isolated("")).toBe("");
    expect(isolated("a\u2069\u202eb\u2067"), "nothing gets out of it").toBe("\u2068ab\u2069");
  });
});

describe("port follows encryption", () => {
  it.each([
    ["smtp", 587, "tls", 465],
    ["smtp", 465, "starttls", 587],
    ["imap", 993, "starttls", 143],
    ["imap", 143, "tls", 993],
    ["imap", "", "tls", 993],
    ["smtp", 2525, "tls", 2525],
    ["smtp", 993, "tls", 993],
  ] as const)("%s %s with %s is %d", (protocol, port, encryption, wanted) => {
    expect(portFollowing(protocol, port, encryption)).toBe(wanted);
  });
});

describe("return path", () => {
  it.each([
    ["/accounts/1/mail?folder=2", "/accounts/1/mail?folder=2"],
    ["//evil.test", "/accounts"],
    ["/\\evil.test", "/accounts"],
    ["https://evil.test", "/accounts"],
    ["/\t/evil.test", "/accounts"],
    ["/\n\\evil.test", "/accounts"],
    ["/..//evil.test", "/accounts"],
    ["javascript:alert(1)", "/accounts"],
    ["/%2f/evil.test", "/%2f/evil.test"],
    ["/sign-in?next=/sign-in", "/accounts"],
    [undefined, "/accounts"],
  ])("%s leads to %s", (next, wanted) => expect(safeReturnPath(next)).toBe(wanted));
});

describe("password strength", () => {
  it.each([
    ["", 0],
    ["short", 1],
    ["aaaaaaaaaaaaaaa", 2],
    ["ana.diaz@acme.test", 2],
    ["correct horse battery staple", 4],
  ])("%s is %d", (password, level) =>
    expect(passwordStrength(password, ["Ana Diaz", "ana@acme.test"]).level).toBe(level),
  );
});

describe("figures", () => {
  it("joins sentences as sentences", () => {
    expect(sentences(["A part is damaged; it was skipped.", "No date"])).toBe(
      "A part is damaged; it was skipped. No date.",
    );
  });

  it("writes sizes and counts", () => {
    expect([820, 1200, 48_211, 999_600, 48_211_000, 3_000_000_000].map(bytes)).toEqual([
      "820 B",
      "1.2 kB",
      "48 kB",
      "1.0 MB",
      "48 MB",
      "3.0 GB",
    ]);
    expect([counted(1, "message"), counted(1204, "message")]).toEqual(["1 message", "1,204 messages"]);
  });
});
