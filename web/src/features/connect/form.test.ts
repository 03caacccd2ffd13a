import { describe, expect, it } from "vitest";
import { account, found, looked, side } from "../../../test/world";
import type { FoundServer } from "../../api/client";
import {
  checkNew,
  checkReconnect,
  domainOf,
  emptyOf,
  reconnectValues,
  refilled,
  toReconnect,
  toRequest,
  withAddress,
  withFound,
  withoutGroups,
} from "./form";
import { httpMayHelp, withLooked } from "./looked";
import { linked } from "./notes";
import { stepWords, waitingWords, withStep } from "./steps";

const emptyCustom = emptyOf("custom");
const filled = {
  ...withAddress(emptyCustom, "ben@old.test"),
  display_name: "Ben Kim",
  smtp: { ...emptyCustom.smtp, host: "smtp.old.test", username: "ben@old.test", password: "p" },
  imap: { ...emptyCustom.imap, host: "imap.old.test" },
};

describe("the custom form", () => {
  it("fills usernames from the address until a person typed another one", () => {
    const first = withAddress(emptyCustom, "ben@old.test");
    expect([first.smtp.username, first.imap.username]).toEqual(["ben@old.test", "ben@old.test"]);
    const own = { ...first, imap: { ...first.imap, username: "ben" } };
    const second = withAddress(own, "ben@new.test");
    expect([second.smtp.username, second.imap.username]).toEqual(["ben@new.test", "ben"]);
  });

  it("sends the outgoing login for both servers when they share it", () => {
    expect(toRequest(filled)).toMatchObject({
      address: "ben@old.test",
      team: false,
      smtp: { host: "smtp.old.test", port: 587, encryption: "starttls", password: "p" },
      imap: { host: "imap.old.test", port: 993, encryption: "tls", username: "ben@old.test", password: "p" },
    });
  });

  it("leaves IMAP out of a send-only account, and asks nothing about it", () => {
    const values = { ...filled, receive: false, imap: { ...emptyCustom.imap, host: "" } };
    expect(toRequest(values).imap).toBeNull();
    expect(checkNew(values)).toEqual({});
  });

  it("names each missing field", () => {
    expect(Object.keys(checkNew({ ...emptyCustom, same_login: false }))).toEqual([
      "address",
      "display_name",
      "smtp.host",
      "smtp.username",
      "smtp.password",
      "imap.host",
      "imap.username",
      "imap.password",
    ]);
  });

  it.each([
    ["ben@old.test", "old.test"],
    ["ben@", ""],
    ["ben", ""],
    ["ben@old", ""],
  ])("the domain of %s is “%s”", (address, domain) => expect(domainOf(address)).toBe(domain));
});

describe("a mailbox without sending", () => {
  const imap = { ...emptyOf("imap").imap, host: "imap.old.test", username: "ben", password: "p" };
  const values = { ...emptyOf("imap"), address: "ben@old.test", display_name: "Ben", imap };

  it("needs its incoming server only", () => {
    expect(checkNew(values)).toEqual({});
    expect(toRequest(values)).toMatchObject({ provider: "imap", smtp: null, imap: { username: "ben" } });
    expect(Object.keys(checkNew({ ...values, imap: emptyOf("imap").imap }))).toEqual([
      "imap.host",
      "imap.username",
      "imap.password",
    ]);
  });

  it("sends with the login of the incoming server, or with one of its own", () => {
    const sends = { ...values, send: true, smtp: { ...values.smtp, host: "smtp.old.test" } };
    expect(checkNew(sends)).toEqual({});
    expect(toRequest(sends).smtp).toMatchObject({ host: "smtp.old.test", username: "ben", password: "p" });
    expect(Object.keys(checkNew({ ...sends, same_login: false }))).toEqual([
      "smtp.username",
      "smtp.password",
    ]);
  });
});

describe("servers that were found", () => {
  it("fill the form, and leave out what was not found", () => {
    const all = withFound(withAddress(emptyOf("custom"), "ben@old.test"), found());
    expect(all).toMatchObject({ receive: true, same_login: true, provider_name: "Old Host" });
    expect(all.smtp).toMatchObject({ host: "smtp.old.test", port: 465, encryption: "tls" });
    expect(withFound(emptyOf("custom"), found({ imap: null })).receive).toBe(false);
    expect(withFound(emptyOf("imap"), found({ kind: "imap", smtp: null })).send).toBe(false);
  });

  it("keep a login apart that differs between the two", () => {
    const imap = { ...(found().imap as FoundServer), usernames: ["ben"] };
    expect(withFound(emptyOf("custom"), found({ imap })).same_login).toBe(false);
  });

  it("follow a new address, but not over what a person changed", () => {
    const first = withFound(withAddress(emptyOf("icloud"), "ben@old.test"), found());
    const other = found({ imap: { ...(found().imap as FoundServer), usernames: ["bob"] } });
    expect(refilled(first, first, other).imap.username).toBe("bob");
    const own = { ...first, imap: { ...first.imap, host: "imap.own.test" } };
    expect(refilled(own, first, other).imap).toEqual(own.imap);
    expect(refilled(own, first, other).smtp).toEqual(first.smtp);
  });

  it("take one app password for both servers, without the spaces that show its groups", () => {
    const values = withFound(withAddress(emptyOf("google"), "ben@old.test"), found());
    values.display_name = "Ben";
    expect(Object.keys(checkNew(values))).toEqual(["smtp.password"]);
    values.smtp.password = "abcd efgh ijkl mnop";
    const { smtp, imap } = toRequest(values);
    expect([smtp?.password, imap?.password]).toEqual(["abcdefghijklmnop", "abcdefghijklmnop"]);
    expect(withoutGroups("correct horse battery")).toBe("correct horse battery");
  });
});

describe("places that are looked at", () => {
  it("replace their earlier state", () => {
    const running = withLooked([], looked("mx", "running"));
    expect(withLooked(running, looked("mx", "nothing"))).toEqual([looked("mx", "nothing")]);
  });

  it.each([
    [[looked("autoconfig", "failed")], true],
    [[looked("autoconfig", "failed"), looked("autoconfig_http", "not_asked")], true],
    [[looked("autoconfig", "failed"), looked("autoconfig_http", "nothing")], false],
    [[looked("autoconfig", "no_such_name")], false],
    [[looked("mx", "failed")], false],
  ])("%j: plain http may help: %s", (all, helps) => expect(httpMayHelp(all)).toBe(helps));
});

describe("notes", () => {
  const links = (note: string) => linked(note).flatMap(({ href }) => href ?? []);

  it("lead to the pages in them, and lose nothing", () => {
    const note = "Open myaccount.google.com/apppasswords, then id.yandex.com. Write to ben@mail.old.test.";
    expect(links(note)).toEqual(["https://myaccount.google.com/apppasswords", "https://id.yandex.com"]);
    expect(
      linked(note)
        .map(({ text }) => text)
        .join(""),
    ).toBe(note);
  });

  it("do not lead to mail servers or to bare domains", () => {
    expect(links("A free plan uses imap.zoho.com and smtp.zoho.com, not hotmail.com.")).toEqual([]);
  });
});

describe("reconnecting", () => {
  it("leaves the saved passwords alone when none is typed", () => {
    const old = account("ana");
    expect(toReconnect(reconnectValues(old), old)).toMatchObject({
      smtp: { host: "smtp.acme.test", password: null },
      imap: { host: "imap.acme.test", password: null },
    });
  });

  it("uses one new password for both servers", () => {
    const old = account("ana");
    const values = reconnectValues(old);
    values.smtp.password = "new";
    expect(toReconnect(values, old).imap?.password).toBe("new");
    expect(toReconnect({ ...values, same_password: false }, old).imap?.password).toBeNull();
  });

  it("takes the saved password only for the server and username that it was saved for", () => {
    const old = account("ana");
    const values = { ...reconnectValues(old), same_password: false };
    expect(checkReconnect(values, old)).toEqual({});
    const moved = { ...values, imap: { ...values.imap, host: "imap.new.test" } };
    expect(Object.keys(checkReconnect(moved, old))).toEqual(["imap.password"]);
    expect(Object.keys(checkReconnect({ ...moved, same_password: true }, old))).toEqual(["smtp.password"]);
    const gone = account("ana", { sending: side("reconnect_required", { reason: "password_missing" }) });
    expect(Object.keys(checkReconnect(values, gone))).toEqual(["smtp.password"]);
  });

  it("says nothing about a side that does not exist, until it is wanted", () => {
    const old = account("ana", { imap: null });
    expect(checkReconnect(reconnectValues(old), old)).toEqual({});
    expect(toReconnect(reconnectValues(old), old)).not.toHaveProperty("imap");
  });

  it("adds the receiving side with a login of its own, or with the one typed for sending", () => {
    const old = account("ana", { imap: null });
    const values = { ...reconnectValues(old), receive: true };
    expect(Object.keys(checkReconnect(values, old))).toEqual(["imap.host", "imap.password"]);
    const own = { ...values, imap: { ...values.imap, host: "imap.acme.test", password: "p" } };
    expect(checkReconnect(own, old)).toEqual({});
    expect(toReconnect(own, old).imap).toMatchObject({ username: "ana@acme.test", password: "p" });
    // The saved password of the outgoing server is never handed to another one.
    const shared = { ...own, same_login: true };
    expect(Object.keys(checkReconnect(shared, old))).toEqual(["smtp.password"]);
    shared.smtp = { ...shared.smtp, username: "ana", password: "q" };
    expect(toReconnect(shared, old).imap).toMatchObject({ username: "ana", password: "q" });
  });
});

describe("test steps", () => {
  it("does not say that a name was not found when its port is not allowed", () => {
    expect(stepWords("dns", "failed", "name_not_found")).toBe("Name not found");
    expect(stepWords("dns", "failed", "port_refused_by_policy")).toBe("Port not allowed");
    expect(stepWords("dns", "failed", "private_address_refused")).toBe("Address not allowed");
    expect(stepWords("login", "failed", "connection_lost")).toBe("Connection lost");
    expect(stepWords("auth", "failed", "timed_out")).toBe("No answer");
    expect(stepWords("login", "failed", "login_refused")).toBe("Login refused");
    expect(stepWords("dns", "passed", null)).toBe("Name found");
  });

  it("replaces a running step by its end", () => {
    const running = withStep([], { side: "imap", step: "dns", status: "running" });
    expect(withStep(running, { side: "imap", step: "dns", status: "passed", took_ms: 3 })).toEqual([
      { side: "imap", step: "dns", status: "passed", took_ms: 3 },
    ]);
  });

  it("knows what is still to come, and that nothing comes after a failure", () => {
    expect(waitingWords("imap", "tls", [{ side: "imap", step: "greeting", status: "running" }])).toEqual([
      "Login",
      "Folders",
    ]);
    expect(waitingWords("smtp", "starttls", [{ side: "smtp", step: "tcp", status: "failed" }])).toEqual([]);
  });
});

it("asks for nothing that the address of a known provider fills in", () => {
  expect(Object.keys(checkNew(emptyOf("google")))).toEqual(["address", "display_name", "smtp.password"]);
  const addressed = { ...emptyOf("google"), address: "ana@gmail.com" };
  expect(Object.keys(checkNew(addressed))).toContain("smtp.host");
});
