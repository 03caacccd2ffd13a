import { act, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import {
  account,
  accountList,
  api,
  FakeEventSource,
  open,
  problem,
  server,
  session,
  side,
} from "../../../test/world";

function rowOf(address: string): HTMLElement {
  const row = screen.getByText(address).closest("tr");
  if (!row) throw new Error(`no row of ${address}`);
  return row;
}

describe("the accounts table", () => {
  it("shows every state with its word, its reason and what comes next", async () => {
    const soon = new Date(Date.now() + 4 * 60_000).toISOString();
    const list = [
      account("well"),
      account("refused", {
        status: "reconnect_required",
        status_side: "receiving",
        receiving: side("reconnect_required", { reason: "login_refused" }),
      }),
      account("away", {
        status: "disconnected",
        status_side: "sending",
        sending: side("disconnected", { reason: "timed_out", next_attempt_at: soon }),
      }),
      account("busy", { sync: { stage: "importing", done: 120, total: 900 }, user: null }),
      account("only", { receiving: side("not_set_up") }),
    ];
    server.use(http.get(api("/accounts"), () => HttpResponse.json(accountList(list))));
    open("/accounts");
    expect(await screen.findByText("well@acme.test")).toBeVisible();
    expect(within(rowOf("well@acme.test")).getByText("Connected")).toBeVisible();
    expect(within(rowOf("well@acme.test")).getByText("1,204")).toBeVisible();
    expect(within(rowOf("well@acme.test")).getByText("Not measured yet")).toBeInTheDocument();
    expect(rowOf("refused@acme.test")).toHaveTextContent("Reconnect required2 h agoreceiving: login refused");
    expect(rowOf("away@acme.test")).toHaveTextContent("Disconnectedretry in 4 minsending: no answer");
    expect(rowOf("busy@acme.test")).toHaveTextContent("importing 120 of 900");
    expect(rowOf("busy@acme.test")).toHaveTextContent("Team");
    expect(rowOf("only@acme.test")).toHaveTextContent("send only");
  });

  it("says on request what the server said and what to do", async () => {
    const refused = side("reconnect_required", {
      reason: "login_refused",
      reason_text: "The login was refused.",
      server_words: "535 5.7.8 bad credentials",
      fix: "Enter the password again.",
    });
    const row = account("ana", {
      status: "reconnect_required",
      status_side: "receiving",
      receiving: refused,
    });
    server.use(http.get(api("/accounts"), () => HttpResponse.json(accountList([row]))));
    const { user } = open("/accounts");
    await user.click(await screen.findByRole("button", { name: "receiving: login refused" }));
    const why = within(await screen.findByRole("dialog"));
    expect(why.getByText("535 5.7.8 bad credentials")).toBeInTheDocument();
    expect(why.getByText(/Enter the password again/)).toBeInTheDocument();
    expect(why.getByRole("link", { name: "Reconnect" })).toHaveAttribute("href", "/accounts/ana/reconnect");
  });

  it("does not promise a retry for a time that has passed", async () => {
    const row = account("ana", {
      status: "disconnected",
      status_side: "receiving",
      receiving: side("disconnected", {
        reason: "timed_out",
        next_attempt_at: new Date(Date.now() - 30_000).toISOString(),
      }),
    });
    server.use(http.get(api("/accounts"), () => HttpResponse.json(accountList([row]))));
    open("/accounts");
    await screen.findByText("ana@acme.test");
    expect(rowOf("ana@acme.test")).toHaveTextContent("Disconnectedretrying now");
  });

  it("offers the four actions in their order", async () => {
    const { user } = open("/accounts");
    await user.click(await screen.findByRole("button", { name: "Actions for ana@acme.test" }));
    const items = await screen.findAllByRole("menuitem");
    expect(items.map((each) => each.textContent)).toEqual([
      "Email list",
      "Send email",
      "Reconnect",
      "Delete",
      "Settings",
      "Pause",
      "Ask the owner",
    ]);
  });

  it("sorts on the server and keeps the order in the address bar", async () => {
    const asked: string[] = [];
    server.use(
      http.get(api("/accounts"), ({ request }) => {
        asked.push(new URL(request.url).search);
        return HttpResponse.json(accountList([account("ana")]));
      }),
    );
    const { user, router } = open("/accounts");
    await user.click(await screen.findByRole("button", { name: "Emails sent" }));
    await waitFor(() => expect(router.state.location.search).toMatchObject({ sort: "sent", dir: "desc" }));
    await waitFor(() => expect(asked.at(-1)).toContain("sort=sent&dir=desc"));
    expect(screen.getByRole("columnheader", { name: "Emails sent" })).toHaveAttribute(
      "aria-sort",
      "descending",
    );
  });

  it("says that nothing matches, and clears the filters", async () => {
    server.use(
      http.get(api("/accounts"), ({ request }) =>
        HttpResponse.json(
          accountList(new URL(request.url).searchParams.has("search") ? [] : [account("ana")]),
        ),
      ),
    );
    const { user } = open("/accounts?search=zzz&status=connected");
    expect(await screen.findByText("No account matches")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Clear filters" }));
    expect(await screen.findByText("ana@acme.test")).toBeVisible();
  });

  it("explains an empty workspace", async () => {
    server.use(http.get(api("/accounts"), () => HttpResponse.json(accountList([]))));
    open("/accounts");
    expect(await screen.findByText("No account is connected yet")).toBeVisible();
    expect(screen.getAllByRole("link", { name: "Connect email" })[0]).toHaveAttribute(
      "href",
      "/accounts/add",
    );
  });

  it("shows why the list could not be loaded, and tries again", async () => {
    server.use(
      http.get(api("/accounts"), () => problem(403, "forbidden", "You may not see this."), { once: true }),
    );
    const { user } = open("/accounts");
    expect(await screen.findByText(/You may not see this/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("ana@acme.test")).toBeVisible();
  });

  it("follows the change of one account without loading the list again", async () => {
    let lists = 0;
    server.use(
      http.get(api("/accounts"), () => {
        lists += 1;
        return HttpResponse.json(accountList([account("ana"), account("ben")]));
      }),
      http.get(api("/accounts/ana"), () =>
        HttpResponse.json(account("ana", { status: "connecting", receiving: side("connecting") })),
      ),
    );
    open("/accounts");
    expect(await screen.findByText("ana@acme.test")).toBeVisible();
    expect(FakeEventSource.all.filter((each) => each.readyState === 1)).toHaveLength(1);
    const before = lists;
    act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "accounts", account_id: "ana" }));
    await waitFor(() => expect(rowOf("ana@acme.test")).toHaveTextContent("Connecting"));
    expect(rowOf("ben@acme.test")).toHaveTextContent("Connected");
    expect(lists).toBe(before);
  });

  it("takes a row out that does not fit the filter any more, and fetches the list for one that begins to", async () => {
    const refused = { status: "reconnect_required", status_side: "sending" } as const;
    let list = [account("ana", refused)];
    server.use(
      http.get(api("/accounts"), () => HttpResponse.json(accountList(list))),
      http.get(api("/accounts/ben"), () => HttpResponse.json(account("ben", refused))),
    );
    open("/accounts?status=reconnect_required");
    expect(await screen.findByText("ana@acme.test")).toBeVisible();
    list = [account("ben", refused)];
    act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "accounts", account_id: "ana" }));
    await waitFor(() => expect(screen.queryByText("ana@acme.test")).not.toBeInTheDocument());
    act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "accounts", account_id: "ben" }));
    expect(await screen.findByText("ben@acme.test")).toBeVisible();
  });

  it("deletes only after the address was typed, and then says so in the row", async () => {
    const sent: unknown[] = [];
    server.use(
      http.get(api("/accounts/ana/closing"), () =>
        HttpResponse.json({
          address: "ana@acme.test",
          messages: 1204,
          folders: 7,
          queued: 2,
          uncertain: 0,
          bytes: 5000,
        }),
      ),
      http.delete(api("/accounts/ana"), async ({ request }) => {
        sent.push(await request.json());
        return new HttpResponse(null, { status: 202 });
      }),
    );
    const { user } = open("/accounts");
    await user.click(await screen.findByRole("button", { name: "Actions for ana@acme.test" }));
    await user.click(await screen.findByRole("menuitem", { name: "Delete" }));
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByText(/1,204 messages \(5.0 kB\)/)).toBeVisible();
    const button = within(dialog).getByRole("button", { name: "Delete account" });
    expect(button).toBeDisabled();
    await user.type(within(dialog).getByRole("textbox"), "ana@acme.test");
    await user.dblClick(button);
    expect(await screen.findByText("Deleting…")).toBeVisible();
    expect(sent).toEqual([{ address: "ana@acme.test" }]);
  });

  it("moves with j and k and opens with Enter", async () => {
    server.use(
      http.get(api("/accounts"), () => HttpResponse.json(accountList([account("ana"), account("ben")]))),
    );
    const { user } = open("/accounts");
    await screen.findByText("ben@acme.test");
    await user.keyboard("jjk");
    expect(rowOf("ana@acme.test")).toHaveAttribute("aria-current", "true");
    await user.keyboard("?");
    expect(await screen.findByText("Next account")).toBeVisible();
  });
});

it("leads to the sign-in page and back when the session has ended", async () => {
  server.use(
    http.get(api("/session"), () => problem(401, "not_signed_in", "Sign in first.")),
    http.get(api("/setup"), () => HttpResponse.json({ needed: false })),
  );
  const { router } = open("/accounts?status=disconnected");
  expect(await screen.findByText("Sign in to Posthouse")).toBeVisible();
  expect(router.state.location.search).toEqual({ next: "/accounts?status=disconnected" });
});

it("drops what no filter knows, and asks the server only for what one does", async () => {
  const asked: string[] = [];
  server.use(
    http.get(api("/accounts"), ({ request }) => {
      asked.push(new URL(request.url).search);
      return HttpResponse.json(accountList([account("ana")]));
    }),
  );
  open("/accounts?sort=bogus&dir=up&status=odd&user=nobody&search=a");
  expect(await screen.findByText("ana@acme.test")).toBeVisible();
  expect(asked).toEqual(["?search=a&limit=100"]);
});

it("leads from the sign-in page to where it was asked for, when somebody is signed in", async () => {
  const { router } = open("/sign-in?next=%2Faccounts%3Fstatus%3Dconnected");
  expect(await screen.findByText("ana@acme.test")).toBeVisible();
  expect(router.state.location.href).toBe("/accounts?status=connected");
});

it("counts every state above the list, and leads from each to its accounts", async () => {
  const figures = { connected: 5, need_attention: 1, disconnected: 2, paused: 3, sent_today: 18, total: 11 };
  server.use(http.get(api("/accounts/summary"), () => HttpResponse.json(figures)));
  open("/accounts");
  const head = within(await screen.findByRole("group", { name: "Figures" }));
  expect(await head.findByRole("link", { name: "3 paused" })).toHaveAttribute(
    "href",
    "/accounts?status=paused",
  );
  expect(head.getByRole("link", { name: "2 disconnected" })).toBeVisible();
  expect(head.getByRole("link", { name: "1 needs you" })).toBeVisible();
});

it("writes from the marked account by c, and says what to do where none is marked", async () => {
  const { user } = open("/accounts");
  await screen.findByText("ana@acme.test");
  await user.keyboard("?");
  const sheet = await screen.findByRole("dialog", { name: "Keyboard shortcuts" });
  expect(within(sheet).getByText("Send email from the marked account")).toBeVisible();
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  await user.keyboard("c");
  expect(await screen.findByText("Mark an account first: j and k move the mark.")).toBeVisible();
  await user.keyboard("jc");
  expect(await screen.findByRole("dialog", { name: "Send email" })).toBeVisible();
});

it.each([
  ["owner", "/settings/providers"],
  ["member", "/settings/notifications"],
] as const)("leads the %s from the settings to the first page of them", async (role, path) => {
  server.use(http.get(api("/session"), () => HttpResponse.json({ ...session, role })));
  const { router } = open("/settings");
  await waitFor(() => expect(router.state.location.pathname).toBe(path));
});
