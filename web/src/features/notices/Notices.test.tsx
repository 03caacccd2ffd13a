import { act, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, FakeEventSource, notice, noticeList, open, server } from "../../../test/world";

it("shows how many are unread, and each with what happened and where it leads", async () => {
  const refused = notice("chloe", {
    title: "chloe@acme.test needs to be reconnected",
    state: "reconnect_required",
    server_words: "535 5.7.8 bad credentials",
    fix: "Enter the password again.",
  });
  const many = notice("many", {
    title: "200 accounts cannot reach imap.old.test",
    account_count: 200,
    accounts: [{ id: "a", address: "a@acme.test" }],
    read: true,
  });
  server.use(http.get(api("/notices"), () => HttpResponse.json(noticeList([refused, many]))));
  const { user, router } = open("/accounts");
  await user.click(await screen.findByRole("button", { name: "Notifications, 1 unread" }));
  const panel = within(await screen.findByRole("dialog", { name: "Notifications" }));
  const [first, second] = await panel.findAllByRole("article");
  expect(first).toHaveTextContent("Reconnect required");
  expect(first).toHaveTextContent("535 5.7.8 bad credentials");
  expect(first).toHaveTextContent("Enter the password again.");
  expect(second).toHaveTextContent("a@acme.test and 199 more");
  expect(panel.getByRole("link", { name: many.title })).toHaveAttribute(
    "href",
    "/accounts?status=disconnected",
  );
  server.use(http.get(api("/accounts/chloe"), () => HttpResponse.json(account("chloe"))));
  await user.click(panel.getByRole("link", { name: refused.title }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/chloe/settings"));
  expect(screen.queryByRole("dialog", { name: "Notifications" })).not.toBeInTheDocument();
});

it("leads from a refused change to where the refused ones are listed, and says when they were cleared", async () => {
  const refused = notice("n2", {
    kind: "refused_change",
    state: null,
    title: "The mail server refused 2 changes in chloe@acme.test",
    text: "3 messages are as they were before.",
    accounts: [{ id: "chloe", address: "chloe@acme.test" }],
    account_count: 1,
  });
  const cleared = { ...refused, id: "n1", title: "An older one", resolved_at: "2026-11-20T10:00:00Z" };
  server.use(http.get(api("/notices"), () => HttpResponse.json(noticeList([refused, cleared]))));
  const { user } = open("/accounts");
  await user.click(await screen.findByRole("button", { name: "Notifications, 2 unread" }));
  const [first, second] = await screen.findAllByRole("article");
  expect(first).toHaveTextContent("Change refused");
  expect(first).toHaveTextContent("3 messages are as they were before.");
  expect(second).toHaveTextContent("Over");
  expect(screen.getByRole("link", { name: refused.title })).toHaveAttribute("href", "/accounts/chloe/sync");
});

it("marks all read, and says so at the bell", async () => {
  const asked: unknown[] = [];
  let list = noticeList([notice("n2"), notice("n1")]);
  server.use(
    http.get(api("/notices"), () => HttpResponse.json(list)),
    http.post(api("/notices/read"), async ({ request }) => {
      asked.push(await request.json());
      list = noticeList(list.items.map((each) => ({ ...each, read: true })));
      return HttpResponse.json({ unread: 0 });
    }),
  );
  const { user } = open("/accounts");
  await user.click(await screen.findByRole("button", { name: "Notifications, 2 unread" }));
  await user.click(await screen.findByRole("button", { name: "Mark all read" }));
  expect(await screen.findByRole("button", { name: "Notifications" })).toBeInTheDocument();
  expect(asked).toEqual([{ up_to: "n2" }]);
  expect(screen.queryByRole("button", { name: "Mark all read" })).not.toBeInTheDocument();
});

it("tells what comes while the page is open, politely, and not what was there before", async () => {
  let list = noticeList([notice("n1")]);
  server.use(http.get(api("/notices"), () => HttpResponse.json(list)));
  open("/accounts");
  await screen.findByRole("button", { name: "Notifications, 1 unread" });
  expect(screen.queryByText(/unread notification/)).not.toBeInTheDocument();
  list = noticeList([notice("n2"), notice("n1")]);
  act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "notices" }));
  const said = await screen.findByText("2 unread notifications.");
  expect(said).toHaveAttribute("aria-live", "polite");
});

it("opens by its key, closes by Escape, and says when there is nothing", async () => {
  const { user } = open("/accounts");
  const bell = await screen.findByRole("button", { name: "Notifications" });
  await user.click(bell);
  expect(await screen.findByText("Nothing to tell")).toBeInTheDocument();
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByText("Nothing to tell")).not.toBeInTheDocument());
  await waitFor(() => expect(bell).toHaveFocus());
  await user.keyboard("n");
  expect(await screen.findByText("Nothing to tell")).toBeInTheDocument();
});

it("switches mail off, and lets an admin choose the account that writes", async () => {
  const asked: unknown[] = [];
  let settings = {
    mails: true,
    address: "ana@acme.test",
    way: "none",
    account: null as { id: string; address: string } | null,
    operator_server: false,
    can_choose: true,
  };
  const answer = async ({ request }: { request: Request }) => {
    const body = (await request.json()) as { mails?: boolean; account_id?: string | null };
    asked.push(body);
    if (body.mails !== undefined) settings = { ...settings, mails: body.mails };
    if (body.account_id) {
      settings = { ...settings, way: "account", account: { id: "ana", address: "ana@acme.test" } };
    }
    return HttpResponse.json(settings);
  };
  server.use(
    http.get(api("/notices/mail"), () => HttpResponse.json(settings)),
    http.patch(api("/notices/mail"), answer),
    http.put(api("/notices/mail/sender"), answer),
  );
  const { user } = open("/settings/notifications");
  const mails = await screen.findByRole("switch", { name: /Write to me/ });
  await user.click(mails);
  await waitFor(() => expect(mails).not.toBeChecked());
  await user.click(screen.getByRole("combobox", { name: "Account for system mail" }));
  await user.click(await screen.findByRole("option", { name: "ana@acme.test" }));
  await user.click(screen.getByRole("button", { name: "Use this account" }));
  expect(await screen.findByText("The account ana@acme.test.")).toBeInTheDocument();
  expect(asked).toEqual([{ mails: false }, { account_id: "ana" }]);
  expect(screen.getByRole("button", { name: "Write no mail" })).toBeInTheDocument();
});
