import { describe, expect, it } from "vitest";
import { account, side } from "../../../test/world";
import type { SideState } from "../../api/client";
import { reasonWords, statusDetail } from "./words";

describe("the line below a state", () => {
  it("is about the side that the server names", () => {
    const row = account("ana", {
      status: "disconnected",
      status_side: "sending",
      receiving: side("connected"),
      sending: side("disconnected", {
        reason: "timed_out",
      }),
    });
    expect(statusDetail(row)).toBe("sending: no answer");
  });

  it("names no side when both are in the same trouble, but does when the reasons differ", () => {
    const refused = side("reconnect_required", { reason: "login_refused" });
    const row = account("ana", {
      status: "reconnect_required",
      status_side: "receiving",
      receiving: refused,
      sending: refused,
    });
    expect(statusDetail(row)).toBe("login refused");
    const other = side("reconnect_required", { reason: "smtp_auth_disabled" });
    expect(statusDetail({ ...row, sending: other })).toBe("receiving: login refused");
  });

  it("says that the server asked to slow down only where it did", () => {
    const slow = account("ana", {
      status: "disconnected",
      status_side: "receiving",
      receiving: side("disconnected", { reason: "rate_limited" }),
      sync: { stage: "backing_off" },
    });
    expect(statusDetail(slow)).toBe("receiving: asked to slow down");
    const lost = { ...slow, receiving: side("disconnected", { reason: "connection_lost" }) };
    expect(statusDetail(lost)).toBe("receiving: connection lost");
    expect(statusDetail(account("ben", { sync: { stage: "backing_off" } }))).toBe("");
  });

  it("has the server's own sentence for a code that this page does not know", () => {
    const state = side("disconnected", { reason_text: "The moon is full." });
    const newer = { ...state, reason: "full_moon" } as unknown as SideState;
    expect(reasonWords(newer)).toBe("The moon is full.");
    expect(reasonWords(side("reconnect_required", { reason: "password_missing" }))).toBe(
      "saved password is gone",
    );
  });
});
