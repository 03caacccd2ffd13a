import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, describe, expect, it } from "vitest";
import { account, accountList, api, BEN, open, problem, server } from "../../../test/world";
import type { BulkRequest, BulkRun } from "../../api/client";

const NAMES = ["ana", "ben", "cleo", "dan", "eve"];

const run = (more: Partial<BulkRun> = {}): BulkRun => ({
  id: "r1",
  action: "pause",
  total: 2,
  done: 2,
  changed: 2,
  unchanged: [],
  failed: [],
  finished: true,
  can_undo: true,
  ...more,
});

let asked: { path: string; body: BulkRequest }[] = [];

/** A server that remembers what was asked, and does it at once. */
function plays(preview: object, ended: BulkRun): void {
  const note = async (path: string, request: Request) => {
    const body = (await request.json()) as BulkRequest;
    asked.push({ path, body });
  };
  server.use(
    http.get(api("/accounts"), () =>
      HttpResponse.json(
        accountList(
          NAMES.map((name) => account(name)),
          { total: 10_000 },
        ),
      ),
    ),
    http.post(api("/accounts/bulk/preview"), async ({ request }) => {
      await note("preview", request);
      return HttpResponse.json({ total: 2, changing: 2, unchanged: [], makes_tag: false, ...preview });
    }),
    http.post(api("/accounts/bulk"), async ({ request }) => {
      await note("bulk", request);
      return HttpResponse.json(ended, { status: 202 });
    }),
    http.get(api("/accounts/bulk/:id"), () => HttpResponse.json(ended)),
  );
}

/** The bar is fetched when it is first needed. */
const shown = () => screen.findByRole("region", { name: "Selected accounts" });
const box = (name: string) => screen.findByRole("checkbox", { name: `Select ${name}@acme.test` });
const bar = () => within(screen.getByRole("region", { name: "Selected accounts" }));

beforeEach(() => {
  asked = [];
});

describe("what is done with many accounts", () => {
  it("chooses rows by click, by range and by key", async () => {
    plays({}, run());
    const { user } = open("/accounts");
    await user.click(await box("ana"));
    await shown();
    expect(bar().getByText("1 selected")).toBeVisible();
    fireEvent.click(await box("dan"), { shiftKey: true });
    expect(bar().getByText("4 selected")).toBeVisible();
    await user.click(await box("ben"));
    expect(bar().getByText("3 selected")).toBeVisible();
    await user.click(bar().getByRole("button", { name: "Clear the selection" }));
    expect(screen.queryByRole("region", { name: "Selected accounts" })).not.toBeInTheDocument();
    (document.activeElement as HTMLElement).blur();
    await user.keyboard("jjx");
    expect(await box("ben")).toBeChecked();
    await user.click(screen.getByRole("checkbox", { name: "Select every account that is loaded" }));
    expect(bar().getByText("5 selected")).toBeVisible();
  });

  it("says what will change, does it, and takes it back", async () => {
    plays(
      { total: 3, unchanged: [{ outcome: "already", count: 1, text: "It is so already." }] },
      run({ unchanged: [{ outcome: "already", count: 1, text: "It is so already." }] }),
    );
    let undone = 0;
    server.use(
      http.post(api("/accounts/bulk/r1/undo"), () => {
        undone += 1;
        return HttpResponse.json(run({ id: "r2", action: "resume", can_undo: true }), { status: 202 });
      }),
    );
    const { user } = open("/accounts");
    await user.click(await box("ana"));
    await user.click(await box("ben"));
    await shown();
    await user.click(bar().getByRole("button", { name: "Pause" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Pause 2 accounts" }));
    expect(await dialog.findByText("2 accounts will be paused.")).toBeVisible();
    expect(dialog.getByText("1: It is so already.")).toBeVisible();
    await user.click(dialog.getByRole("button", { name: "Pause" }));
    expect(await screen.findByText("2 accounts paused.")).toBeVisible();
    expect(asked.at(-1)).toEqual({ path: "bulk", body: { action: "pause", accounts: ["ana", "ben"] } });
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(screen.queryByRole("region", { name: "Selected accounts" })).not.toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Undo" }));
    expect(await screen.findByText("Undone: 2 accounts resumed.")).toBeVisible();
    expect(undone).toBe(1);
  });

  it("takes all that match by the filter, not by what is loaded", async () => {
    plays({ total: 10_000, changing: 9_998 }, run());
    const { user } = open("/accounts?status=disconnected&tag=Sales&sort=sent");
    await user.click(await box("ana"));
    await shown();
    await user.click(bar().getByRole("button", { name: "Select all 10,000 that match" }));
    expect(bar().getByText("All 10,000 that match selected")).toBeVisible();
    expect(await box("eve")).toBeChecked();
    await user.click(bar().getByRole("button", { name: "Try now" }));
    expect(await screen.findByText("9,998 accounts will be tried now.")).toBeVisible();
    expect(asked.at(-1)?.body).toEqual({ action: "retry", filter: { status: "disconnected", tag: "Sales" } });
  });

  it("deletes only after the number was typed", async () => {
    plays({ total: 2, changing: 2 }, run({ action: "delete", can_undo: false }));
    const { user } = open("/accounts");
    await user.click(await box("ana"));
    await user.click(await box("ben"));
    await shown();
    await user.click(bar().getByRole("button", { name: "Delete" }));
    const dialog = within(await screen.findByRole("dialog"));
    const field = await dialog.findByRole("textbox", { name: "Type 2 to confirm" });
    const button = dialog.getByRole("button", { name: "Delete" });
    await user.type(field, "3");
    expect(button).toBeDisabled();
    await user.clear(field);
    await user.type(field, "2");
    await user.click(button);
    expect(await screen.findByText("2 accounts being deleted.")).toBeVisible();
    expect(asked.at(-1)?.body).toMatchObject({ action: "delete", confirm: 2 });
    expect(screen.queryByRole("button", { name: "Undo" })).not.toBeInTheDocument();
  });

  it("names those for which it did not come about", async () => {
    const text = "It has 50 tags, which is the most. Take one off first.";
    plays(
      { makes_tag: true },
      run({
        action: "add_tag",
        changed: 1,
        unchanged: [{ outcome: "too_many_tags", count: 1, text }],
        failed: [{ account_id: "ben", address: "ben@acme.test", outcome: "too_many_tags", text }],
      }),
    );
    const { user } = open("/accounts");
    await user.click(await box("ana"));
    await shown();
    await user.click(bar().getByRole("button", { name: "Add tag" }));
    const dialog = within(await screen.findByRole("dialog"));
    await user.type(dialog.getByRole("combobox", { name: "Tag" }), "New");
    expect(await dialog.findByText("2 accounts will get the tag, which is new.")).toBeVisible();
    await user.click(dialog.getByRole("button", { name: "Add tag" }));
    const failed = await screen.findByRole("list", { name: "Accounts that did not change" });
    expect(within(failed).getByRole("link", { name: "ben@acme.test" })).toHaveAttribute(
      "href",
      "/accounts/ben",
    );
    expect(failed).toHaveTextContent(`ben@acme.test: ${text}`);
    expect(asked.at(-1)?.body).toMatchObject({ action: "add_tag", tag: "New" });
  });

  it("leads from its notice to what was done, which stays until it is closed", async () => {
    plays({}, run());
    const { user, router } = open("/accounts");
    await user.click(await box("ana"));
    await shown();
    await user.click(bar().getByRole("button", { name: "Pause" }));
    const dialog = within(await screen.findByRole("dialog"));
    await dialog.findByText("2 accounts will be paused.");
    await user.click(dialog.getByRole("button", { name: "Pause" }));
    await user.click(await screen.findByRole("link", { name: "Details" }));
    const details = within(await screen.findByRole("dialog", { name: "Pause 2 accounts" }));
    expect(await details.findByText("2 accounts paused.")).toBeVisible();
    expect(router.state.location.search).toEqual({ run: "r1" });
  });

  it("shows what was done after a reload, beside the filter, and takes it back", async () => {
    const unchanged = [{ outcome: "paused" as const, count: 1, text: "It is paused. Resume it first." }];
    plays({}, run({ unchanged, total: 3 }));
    const undone = run({ id: "r2", action: "resume", changed: 1, unchanged, failed: [], can_undo: false });
    server.use(
      http.post(api("/accounts/bulk/r1/undo"), () => HttpResponse.json(undone, { status: 202 })),
      http.get(api("/accounts/bulk/r2"), () => HttpResponse.json(undone)),
    );
    const { user, router } = open("/accounts?tag=Sales&run=r1");
    const dialog = within(await screen.findByRole("dialog", { name: "Pause 3 accounts" }));
    expect(await dialog.findByText("2 accounts paused.")).toBeVisible();
    expect(dialog.getByText("1: It is paused. Resume it first.")).toBeVisible();
    await user.click(dialog.getByRole("button", { name: "Undo" }));
    expect(await screen.findByText("1 account resumed.")).toBeVisible();
    await waitFor(() => expect(router.state.location.search).toEqual({ tag: "Sales" }));
  });

  it("says that what was done is not kept any more", async () => {
    plays({}, run());
    server.use(
      http.get(api("/accounts/bulk/:id"), () => problem(404, "not_found", "There is no such thing.")),
    );
    const { user, router } = open("/accounts?run=old");
    expect(await screen.findByText(/This is not here any more/)).toBeVisible();
    await user.click(screen.getByText("Close", { selector: "button *" }));
    await waitFor(() => expect(router.state.location.search).toEqual({}));
  });

  it("says why it was not begun, and keeps what was typed", async () => {
    plays({}, run());
    server.use(
      http.post(api("/accounts/bulk"), () => problem(409, "bulk_busy", "Too many changes are waiting.")),
    );
    const { user } = open("/accounts");
    await user.click(await box("ana"));
    await shown();
    await user.click(bar().getByRole("button", { name: "Pause" }));
    const dialog = within(await screen.findByRole("dialog"));
    await dialog.findByText("2 accounts will be paused.");
    await user.click(dialog.getByRole("button", { name: "Pause" }));
    expect(await dialog.findByText("Too many changes are waiting.")).toBeVisible();
    expect(bar().getByText("1 selected")).toBeVisible();
  });
});

describe("filters", () => {
  it("are in the address bar, with a member, a provider and a tag, and go with one button", async () => {
    const searches: string[] = [];
    server.use(
      http.get(api("/accounts"), ({ request }) => {
        searches.push(new URL(request.url).search);
        return HttpResponse.json(accountList([account("ana", { tags: ["Sales"] })]));
      }),
    );
    const { user, router } = open("/accounts");
    await user.click(await screen.findByRole("combobox", { name: "User" }));
    await user.click(await screen.findByRole("option", { name: "Ben Kim" }));
    await user.click(screen.getByRole("combobox", { name: "Provider" }));
    await user.click(await screen.findByRole("option", { name: "Gmail" }));
    await user.click(screen.getByRole("combobox", { name: "Tag" }));
    await user.click(await screen.findByRole("option", { name: "Sales" }));
    const all = { user: BEN, provider: "google", tag: "Sales" };
    await waitFor(() => expect(router.state.location.search).toEqual(all));
    await waitFor(() => expect(searches.at(-1)).toContain(`provider=google`));
    expect(await screen.findByText("1 account found")).toBeVisible();
    const href = screen.getByRole("link", { name: "Export" }).getAttribute("href");
    expect(Object.fromEntries(new URL(href ?? "", "http://x").searchParams)).toEqual(all);
    await user.click(screen.getByRole("button", { name: "Clear" }));
    await waitFor(() => expect(router.state.location.search).toEqual({}));
  });

  it("name what hides everything, each with its way off", async () => {
    server.use(http.get(api("/accounts"), () => HttpResponse.json(accountList([]))));
    const { user, router } = open(`/accounts?user=${BEN}&status=paused&tag=Old`);
    expect(
      await screen.findByText("No account fits the status Paused and the user ⁨Ben Kim⁩ and the tag ⁨Old⁩."),
    ).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Without the status Paused" }));
    await waitFor(() => expect(router.state.location.search).toEqual({ user: BEN, tag: "Old" }));
  });

  it("renames the tag that the list is filtered by, and follows", async () => {
    const renamed: unknown[] = [];
    server.use(
      http.patch(api("/tags/t2"), async ({ request }) => {
        renamed.push(await request.json());
        return new HttpResponse(null, { status: 204 });
      }),
      http.delete(api("/tags/t1"), () => new HttpResponse(null, { status: 204 })),
    );
    const { user, router } = open("/accounts?tag=Sales");
    await user.click(await screen.findByRole("button", { name: "Rename or remove tags" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Tags" }));
    const field = await dialog.findByRole("textbox", { name: "Name of the tag Sales" });
    await user.clear(field);
    await user.type(field, "Customers{Enter}");
    await waitFor(() => expect(router.state.location.search).toEqual({ tag: "Customers" }));
    expect(renamed).toEqual([{ name: "Customers" }]);
    await user.click(dialog.getByRole("button", { name: "Remove the tag Outreach" }));
    await user.click(await dialog.findByRole("button", { name: "Remove" }));
  });
});

it("pauses from the menu, and says so on the account's pages", async () => {
  const paused = account("ana", { status: "paused", paused_at: "2026-11-02T10:00:00.000Z" });
  let calls = 0;
  server.use(
    http.post(api("/accounts/ana/pause"), () => {
      calls += 1;
      server.use(
        http.get(api("/accounts/ana"), () => HttpResponse.json(paused)),
        http.get(api("/accounts"), () => HttpResponse.json(accountList([paused]))),
      );
      return HttpResponse.json(paused);
    }),
  );
  const { user } = open("/accounts");
  await user.click(await screen.findByRole("button", { name: "Actions for ana@acme.test" }));
  await user.click(await screen.findByRole("menuitem", { name: "Pause" }));
  expect(await screen.findByText("ana@acme.test is paused.")).toBeVisible();
  expect(calls).toBe(1);
  const row = () => screen.getByText("ana@acme.test").closest("tr");
  await waitFor(() => expect(row()).toHaveTextContent("Paused"));
});
