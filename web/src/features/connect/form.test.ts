import { describe, expect, it } from "vitest";
import { account, side } from "../../../test/world";
import {
  checkNew,
  checkReconnect,
  domainOf,
  emptyOf,
  reconnectValues,
  toReconnect,
  toRequest,
  withAddress,
} from "./form";
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
