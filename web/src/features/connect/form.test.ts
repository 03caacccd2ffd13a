import { describe, expect, it } from "vitest";
import { account } from "../../../test/world";
import {
  checkCustom,
  domainOf,
  emptyCustom,
  reconnectValues,
  toReconnect,
  toRequest,
  withAddress,
} from "./form";
import { waitingWords, withStep } from "./steps";

const filled = {
  ...withAddress(emptyCustom, "ben@old.test"),
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
    expect(checkCustom(values)).toEqual({});
  });

  it("names each missing field", () => {
    expect(Object.keys(checkCustom({ ...emptyCustom, same_login: false }))).toEqual([
      "address",
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

  it("says nothing about a side that does not exist", () => {
    const old = account("ana", { imap: null });
    expect(toReconnect(reconnectValues(old), old)).not.toHaveProperty("imap");
  });
});

describe("test steps", () => {
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
