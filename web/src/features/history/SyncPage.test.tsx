import { act, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { account, api, FakeEventSource, open, problem, server } from "../../../test/world";
import type { FailedMessage, SyncRun, SyncState } from "./queries";

const AT = "2026-11-26T09:00:00.000Z";
const STATE: SyncState = {
  stage: "live",
  last_sync_at: AT,
  messages: 12_345,
  messages_on_server: 12_345,
  failed: 0,
  sent_today: 18,
  received_today: 42,
  folders_refused: 0,
};

function run(id: string, more: Partial<SyncRun> = {}): SyncRun {
  const none = { fetched: 0, placed: 0, changed: 0, removed: 0, failed: 0, pushed: 0 };
  return { id, started_at: AT, ended_at: AT, passes: 1, compare: false, status: "success", ...none, ...more };
}

const LOST: FailedMessage = {
  folder_id: "f1",
  folder_name: "INBOX",
  uid: 7,
  class: "refused",
  server_words: "NO [SERVERBUG] Internal error occurred",
  attempts: 2,
  failed_at: AT,
  waits: false,
};

function serve(state: Partial<SyncState>, runs: SyncRun[], failed: FailedMessage[] = []): void {
  server.use(
    http.get(api("/accounts/ana/operations"), () => HttpResponse.json({ waiting: 0, refused: [] })),
    http.get(api("/accounts/ana/sync"), () => HttpResponse.json({ ...STATE, ...state })),
    http.get(api("/accounts/ana/sync/runs"), () => HttpResponse.json({ items: runs })),
    http.get(api("/accounts/ana/sync/failed"), () => HttpResponse.json({ items: failed })),
  );
}

const GIB = 1024 ** 3;

describe("the sync page", () => {
  it("tells how full the mailbox is", async () => {
    serve({ quota: { used: 12.1 * GIB, limit: 15 * GIB } }, []);
    open("/accounts/ana/sync");
    expect(await screen.findByText("12.1 of 15 GB used on the mail server")).toBeVisible();
    expect(screen.getByRole("meter", { name: "Mailbox on the mail server" })).toHaveAttribute(
      "aria-valuetext",
      "12.1 of 15 GB used on the mail server",
    );
    expect(screen.queryByText(/almost full/)).toBeNull();
  });

  it("warns before the mailbox is full", async () => {
    serve({ quota: { used: 13.5 * GIB, limit: 15 * GIB } }, []);
    open("/accounts/ana/sync");
    expect(await screen.findByText(/The mailbox is almost full/)).toBeVisible();
  });

  it("tells what the mail server refused, until somebody has read it", async () => {
    serve({ compared_at: AT }, []);
    const refused = {
      id: "op",
      kind: "move",
      messages: 3,
      from: "INBOX",
      to: "Archive",
      subjects: ["Lunch", ""],
      can_repeat: true,
      words: "NO [OVERQUOTA] Full",
      asked_at: AT,
    };
    let known = [refused];
    server.use(
      http.get(api("/accounts/ana/operations"), () => HttpResponse.json({ waiting: 2, refused: known })),
      http.delete(api("/accounts/ana/operations"), () => {
        known = [];
        return new HttpResponse(null, { status: 204 });
      }),
    );
    const { user } = open("/accounts/ana/sync");
    expect(await screen.findByText(/^Move 3 messages from .INBOX. to .Archive.$/)).toBeVisible();
    expect(screen.getByText("NO [OVERQUOTA] Full")).toBeVisible();
    expect(screen.getByText("2 changes wait to be made there.")).toBeVisible();
    expect(screen.getByText(/Lunch.*, .*no subject.* and 1 more/)).toBeVisible();
    let status = 409;
    server.use(
      http.post(api("/accounts/ana/operations/op/again"), () =>
        status === 409
          ? problem(409, "no_such_folder", "The folder of this change is not there any more.")
          : HttpResponse.json({ changed: 2, unchanged: 0, missing: 1, kept: 0, moved: [] }),
      ),
    );
    await user.click(screen.getByRole("button", { name: /^Do it again: Move 3 messages/ }));
    expect(await screen.findByText("The folder of this change is not there any more.")).toBeVisible();
    status = 200;
    await user.click(screen.getByRole("button", { name: /^Do it again/ }));
    expect(await screen.findByText("Asked for again: 2 messages.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Clear this list" }));
    await waitFor(() => expect(screen.queryByText(/^Move 3 messages/)).toBeNull());
  });

  it("says when a chosen folder does not open", async () => {
    serve({ folders_refused: 1 }, []);
    open("/accounts/ana/sync");
    expect(await screen.findByText(/does not open 1 chosen folder/)).toBeVisible();
  });

  it("says nothing of a limit where the server tells none", async () => {
    serve({}, []);
    open("/accounts/ana/sync");
    expect(await screen.findByText("12,345 of 12,345 messages")).toBeVisible();
    expect(screen.queryByRole("meter")).toBeNull();
  });

  it("shows the figures and what each pass came to", async () => {
    const later = "2026-11-26T09:55:00.000Z";
    serve({}, [
      run("quiet", { passes: 12, ended_at: later }),
      run("both", { fetched: 5, pushed: 1 }),
      run("checked", { compare: true }),
      run("broken", { status: "failed", reason: "timed_out", reason_text: "No answer came in time." }),
    ]);
    open("/accounts/ana/sync");
    expect(await screen.findByText("12,345 of 12,345 messages")).toBeVisible();
    expect(screen.getByText("Received today").closest("div")).toHaveTextContent("42");
    const rows = (await screen.findAllByRole("row")).slice(1).map((row) => row.textContent);
    expect(rows[0]).toContain("nothing new12 passes in 55 min");
    expect(rows[1]).toContain("Both ways5 fetched, 1 change sent");
    expect(rows[2]).toContain("Completeness check: nothing missing");
    expect(rows[3]).toContain("No answer came in time.");
    expect(rows[3]).toContain("Failed");
    expect(screen.queryByText("View errors")).toBeNull();
  });

  it("opens the failed messages of a partial pass and tries them again", async () => {
    serve({ failed: 1 }, [run("p", { status: "partial", fetched: 2, failed: 1 })], [LOST]);
    const asked: unknown[] = [];
    server.use(
      http.post(api("/accounts/ana/sync/failed/retry"), async ({ request }) => {
        asked.push(await request.json());
        serve({ failed: 0 }, [run("q", { fetched: 1 })], []);
        return new HttpResponse(null, { status: 202 });
      }),
    );
    const { user } = open("/accounts/ana/sync");
    const row = await screen.findByRole("row", { name: /Partial \(1 failed\)/ });
    await user.click(within(row).getByRole("button", { name: "View errors" }));
    expect(await screen.findByText(LOST.server_words)).toBeVisible();
    expect(screen.getByText("The server refuses to give this message.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Retry this 1 message" }));
    expect(await screen.findByText("All of them are here now.")).toBeVisible();
    expect(asked).toEqual([{ messages: [{ folder_id: "f1", uid: 7 }] }]);
  });

  it("asks for a pass and for a comparison, and says why not", async () => {
    serve({ messages_on_server: null, last_sync_at: null }, []);
    const asked: unknown[] = [];
    server.use(
      http.post(api("/accounts/ana/sync"), async ({ request }) => {
        asked.push(await request.json());
        if (asked.length === 1) return new HttpResponse(null, { status: 202 });
        return problem(409, "account_paused", "This account is paused.");
      }),
    );
    const { user } = open("/accounts/ana/sync");
    expect(await screen.findByText("Not yet")).toBeVisible();
    expect(screen.getByText("12,345 messages")).toBeVisible();
    expect(await screen.findByText(/No pass has come to its end yet/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Sync now" }));
    expect(await screen.findByText(/Asked for/)).toBeVisible();
    await waitFor(async () => {
      await user.click(screen.getByRole("button", { name: "Check completeness" }));
      expect(screen.getByRole("alert")).toHaveTextContent("This account is paused.");
    });
    expect(asked).toEqual([{ compare: false }, { compare: true }]);
  });

  it("follows an import by the live stream", async () => {
    const at = { stage: "importing", total: 900, per_minute: 600 } as const;
    serve({ ...at, done: 120, seconds_left: 78 }, []);
    open("/accounts/ana/sync");
    expect(
      await screen.findByText(/120 of 900 in this folder, 600 a minute, about 1 min left/),
    ).toBeVisible();
    serve({ ...at, done: 600, seconds_left: 30 }, []);
    act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "accounts", account_id: "ana" }));
    expect(await screen.findByText(/600 of 900 in this folder, 600 a minute, about 30 s left/)).toBeVisible();
  });

  it("offers nothing that somebody may not do, and says what could not be loaded", async () => {
    serve({ failed: 1 }, [], [LOST]);
    server.use(
      http.get(api("/accounts/ana"), () =>
        HttpResponse.json(account("ana", { can_use: false, can_send: false, can_manage: false })),
      ),
      http.get(api("/accounts/ana/sync/runs"), () => problem(500, "internal", "Something broke.")),
    );
    open("/accounts/ana/sync");
    expect(await screen.findByText("The history could not be loaded", {}, { timeout: 5_000 })).toBeVisible();
    expect(screen.queryByRole("button", { name: "Sync now" })).toBeNull();
  });

  it("needs no server to send with", async () => {
    serve({ failed: 1 }, [], [LOST]);
    server.use(
      http.get(api("/accounts/ana"), () =>
        HttpResponse.json(account("ana", { can_send: false, can_manage: false })),
      ),
    );
    open("/accounts/ana/sync");
    expect(await screen.findByRole("button", { name: "Sync now" })).toBeVisible();
    expect(screen.getByRole("button", { name: "Check completeness" })).toBeVisible();
  });
});
