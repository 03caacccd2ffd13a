import { act, cleanup, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, it, vi } from "vitest";
import {
  api,
  FakeEventSource,
  oauthChoice,
  open,
  problem,
  server,
  session,
  withApps,
} from "../../../../test/world";
import type { ConsentFlow } from "../../../api/client";
import { browser, inWindow, noteWindow } from "./browser";

const URL = "https://provider.test/authorize?state=s";
const APP = [{ id: null, name: "This installation's app" }];

let flow: ConsentFlow;
const begun: unknown[] = [];
const cancelled: string[] = [];
/** The window that a browser opens: only where it is sent counts. */
const opened = { location: { href: "" }, close: vi.fn() };
const leave = vi.spyOn(browser, "leave");
const openWindow = vi.spyOn(browser, "open");
const close = vi.spyOn(browser, "close");

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  begun.length = 0;
  cancelled.length = 0;
  opened.location.href = "";
  opened.close.mockReset();
  leave.mockReset().mockReturnValue(undefined);
  close.mockReset().mockReturnValue(undefined);
  openWindow.mockReset().mockReturnValue(opened as unknown as Window);
  flow = {
    id: "f1",
    provider: "google",
    address: "ben@acme.test",
    state: "waiting",
    dry_run: false,
    adds: true,
    account_id: null,
    problem: null,
    given_back: null,
    expires_at: new Date(Date.now() + 600_000).toISOString(),
  };
  const items = withApps({ google: APP, microsoft: APP });
  server.use(
    http.get(api("/providers"), () => HttpResponse.json({ items })),
    http.post(api("/oauth/flows"), async ({ request }) => {
      begun.push(await request.json());
      return HttpResponse.json({ id: "f1", url: URL, expires_at: flow.expires_at }, { status: 201 });
    }),
    http.get(api("/oauth/flows/f1"), () => HttpResponse.json(flow)),
    http.delete(api("/oauth/flows/f1"), () => {
      cancelled.push("f1");
      flow = { ...flow, state: "failed", problem: failure("cancelled", "You gave up the sign-in.") };
      return new HttpResponse(null, { status: 204 });
    }),
  );
});

function failure(code: string, text: string): NonNullable<ConsentFlow["problem"]> {
  return { code, text, fix: "Try again and leave every permission ticked.", server_words: null, step: null };
}

/** The flow went on, and the live stream says so. */
async function goOn(next: Partial<ConsentFlow>) {
  flow = { ...flow, ...next };
  await waitFor(() => expect(FakeEventSource.all.length).toBeGreaterThan(0));
  act(() => {
    for (const source of FakeEventSource.all) source.say("topic", { topic: "consent" });
  });
}

async function begin(kind: "google" | "microsoft", label: string) {
  const page = open(`/accounts/add/${kind}`);
  await page.user.type(await screen.findByLabelText("Email address"), "ben@acme.test");
  await page.user.type(screen.getByLabelText("Display name"), "Ben Kim");
  await page.user.click(screen.getByRole("button", { name: `Continue with ${label}` }));
  return page;
}

it("tells the permissions before, opens a window in the click and follows the sign-in to its end", async () => {
  const { router } = await begin("google", "Google");
  expect(screen.getByText("Read mail at Google")).toBeVisible();
  expect(openWindow).toHaveBeenCalledWith();
  expect(await screen.findByText("Waiting for Google…")).toBeVisible();
  expect(opened.location.href).toBe(URL);
  expect(inWindow("f1")).toBe(true);
  expect(leave).not.toHaveBeenCalled();
  expect(begun).toEqual([
    {
      provider: "google",
      app_id: null,
      address: "ben@acme.test",
      display_name: "Ben Kim",
      team: false,
      import_days: 30,
    },
  ]);
  await goOn({ state: "working" });
  expect(await screen.findByText("Checking the mailbox…")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Cancel" })).not.toBeInTheDocument();
  await goOn({ state: "done", account_id: "ben" });
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ben/start"));
  expect(await screen.findByText("ben@acme.test is connected.")).toBeVisible();
});

it("opens the window again, goes on in the tab, and can be given up", async () => {
  const { user } = await begin("google", "Google");
  await user.click(await screen.findByRole("button", { name: "Open the window again" }));
  expect(openWindow).toHaveBeenCalledTimes(2);
  await user.click(screen.getByRole("button", { name: "Continue in this tab" }));
  expect(leave).toHaveBeenCalledWith(URL);
  expect(inWindow("f1")).toBe(false);
  opened.close.mockClear();
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  await waitFor(() => expect(screen.queryByText("Waiting for Google…")).not.toBeInTheDocument());
  expect(cancelled).toEqual(["f1"]);
  expect(opened.close).toHaveBeenCalled();
  expect(screen.getByRole("button", { name: "Continue with Google" })).toBeEnabled();
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@acme.test");
});

it("says that it was too late to give up, and goes on to the account", async () => {
  const detail = "The mailbox was connected before you gave up.";
  server.use(
    http.delete(api("/oauth/flows/f1"), () => {
      flow = { ...flow, state: "done", account_id: "ben" };
      return HttpResponse.json(
        { code: "connected", status: 409, title: "Conflict", detail },
        { status: 409 },
      );
    }),
  );
  const { user, router } = await begin("google", "Google");
  await user.click(await screen.findByRole("button", { name: "Cancel" }));
  expect(await screen.findByText(detail)).toBeVisible();
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ben/start"));
});

it("says that the window was blocked and offers this tab", async () => {
  openWindow.mockReturnValue(null);
  const { user } = await begin("google", "Google");
  expect(await screen.findByText(/Your browser let no window open/)).toBeVisible();
  expect(leave).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "Continue in this tab" }));
  expect(leave).toHaveBeenCalledWith(URL);
});

it("goes to Microsoft in this tab", async () => {
  await begin("microsoft", "Microsoft");
  await waitFor(() => expect(leave).toHaveBeenCalledWith(URL));
  expect(openWindow).not.toHaveBeenCalled();
  expect(await screen.findByText("Waiting for Microsoft…")).toBeVisible();
});

it("shows why it failed, with the provider's words, and tries again", async () => {
  const { user } = await begin("google", "Google");
  await screen.findByText("Waiting for Google…");
  const refused = failure("scope_missing", "A permission that is needed was not given.");
  await goOn({ state: "failed", problem: { ...refused, server_words: "access_denied: no" } });
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("A permission that is needed was not given.");
  expect(within(alert).getByText("access_denied: no")).toBeVisible();
  expect(alert).toHaveTextContent("leave every permission ticked");
  flow = { ...flow, state: "waiting", problem: null };
  await user.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(begun).toHaveLength(2));
});

it("says so when the sign-in is not known any more", async () => {
  server.use(http.get(api("/oauth/flows/f1"), () => problem(404, "not_found", "There is no such thing.")));
  await begin("google", "Google");
  expect(await screen.findByText("This sign-in is not known here or was used already.")).toBeVisible();
  expect(screen.getByRole("button", { name: "Try again" })).toBeVisible();
});

it("closes the window and says why when the sign-in is not even begun", async () => {
  server.use(
    http.post(api("/oauth/flows"), () =>
      problem(409, "address_taken", "This address is connected already.", { account_id: "ana" }),
    ),
  );
  await begin("google", "Google");
  expect(await screen.findByRole("link", { name: "This address is connected already." })).toBeVisible();
  expect(screen.getByRole("link", { name: "Open that account" })).toHaveAttribute("href", "/accounts/ana");
  expect(opened.close).toHaveBeenCalled();
  expect(screen.queryByText("Waiting for Google…")).not.toBeInTheDocument();
});

/** The page is loaded anew in the same tab. */
function reload() {
  cleanup();
  openWindow.mockClear();
  leave.mockClear();
  return open("/accounts/add/google");
}

it("takes the sign-in up again after a reload, with what was typed, and follows it to its end", async () => {
  await begin("google", "Google");
  await screen.findByText("Waiting for Google…");
  const { router, user } = reload();
  expect(await screen.findByText("Waiting for Google…")).toBeVisible();
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@acme.test");
  expect(screen.getByLabelText("Display name")).toHaveValue("Ben Kim");
  expect(openWindow).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "Open the window again" }));
  expect(opened.location.href).toBe(URL);
  await goOn({ state: "done", account_id: "ben" });
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ben/start"));
  expect(begun).toHaveLength(1);
});

it("shows an end that came while nobody looked, once, and takes another account", async () => {
  await begin("google", "Google");
  await screen.findByText("Waiting for Google…");
  flow = { ...flow, state: "done", account_id: "ben" };
  const { router } = reload();
  expect(await screen.findByText("ben@acme.test is connected.")).toBeVisible();
  expect(router.state.location.pathname).toBe("/accounts/add/google");
  expect(screen.getByRole("button", { name: "Continue with Google" })).toBeEnabled();
  reload();
  expect(await screen.findByLabelText("Email address")).toHaveValue("");
  expect(screen.queryByText("ben@acme.test is connected.")).not.toBeInTheDocument();
});

it("does not go to the provider by itself when the page is loaded again", async () => {
  await begin("microsoft", "Microsoft");
  await waitFor(() => expect(leave).toHaveBeenCalledWith(URL));
  cleanup();
  leave.mockClear();
  const { user } = open("/accounts/add/microsoft");
  expect(await screen.findByText(/You have not finished the sign-in at Microsoft/)).toBeVisible();
  expect(leave).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "Continue in this tab" }));
  expect(leave).toHaveBeenCalledWith(URL);
});

it("says of another person's sign-in only who signed in", async () => {
  await begin("google", "Google");
  await screen.findByText("Waiting for Google…");
  const step = { side: "imap" as const, step: "login" as const, status: "failed" as const };
  const server_words = "NO [AUTHENTICATIONFAILED] refused";
  const other = failure("wrong_identity", "Another person signed in.");
  await goOn({ state: "failed", problem: { ...other, server_words, step: { ...step, server_words } } });
  expect(await screen.findByRole("alert")).toHaveTextContent("Another person signed in.");
  expect(screen.queryByText(server_words)).not.toBeInTheDocument();
});

it("leads to the account that has the address where that came up at the end", async () => {
  await begin("google", "Google");
  await screen.findByText("Waiting for Google…");
  const taken = { ...failure("address_taken", "This address is connected already."), account_id: "ana" };
  await goOn({ state: "failed", problem: taken });
  const link = await screen.findByRole("link", { name: "Open that account" });
  expect(link).toHaveAttribute("href", "/accounts/ana");
  expect(screen.queryByRole("button", { name: "Try again" })).not.toBeInTheDocument();
});

it("lets people choose between apps, the first at first", async () => {
  const items = withApps({ google: [{ id: "a1", name: "Acme at Google" }, ...APP] });
  server.use(http.get(api("/providers"), () => HttpResponse.json({ items })));
  await begin("google", "Google");
  expect(screen.getByRole("radio", { name: "Acme at Google" })).toBeChecked();
  await waitFor(() => expect(begun).toEqual([expect.objectContaining({ app_id: "a1" })]));
});

it("offers an app password as well, with what was typed", async () => {
  const { user } = open("/accounts/add/google");
  await user.type(await screen.findByLabelText("Email address"), "ben@acme.test");
  await user.click(screen.getByRole("button", { name: "Use an app password instead" }));
  expect(screen.getByLabelText("App password")).toBeVisible();
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@acme.test");
  await user.click(screen.getByRole("button", { name: "Sign in with Google instead" }));
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@acme.test");
});

it.each([
  ["owner", /Settings, Providers has the steps/, 1],
  ["member", /Ask an admin of your workspace/, 0],
] as const)("tells the %s what to do where no app exists", async (role, words, links) => {
  server.use(
    http.get(api("/session"), () => HttpResponse.json({ ...session, role })),
    http.get(api("/providers"), () => HttpResponse.json({ items: withApps({}) })),
  );
  open("/accounts/add/microsoft");
  expect(await screen.findByText(words)).toBeVisible();
  expect(screen.queryAllByRole("link", { name: "Set up an OAuth app" })).toHaveLength(links);
  expect(screen.queryByRole("button", { name: /Continue/ })).not.toBeInTheDocument();
});

it("offers providers without a card where servers are entered by hand", async () => {
  const aol = oauthChoice("aol", "AOL", [{ id: "a2", name: "Acme at AOL" }]);
  const items = withApps({}).map((card) => (card.kind === "custom" ? { ...card, oauth: [aol] } : card));
  server.use(http.get(api("/providers"), () => HttpResponse.json({ items })));
  const { user } = open("/accounts/add/custom");
  await user.click(await screen.findByRole("button", { name: "Sign in with AOL" }));
  await user.type(screen.getByLabelText("Email address"), "ben@aol.test");
  await user.type(screen.getByLabelText("Display name"), "Ben Kim");
  await user.click(screen.getByRole("button", { name: "Continue with AOL" }));
  await waitFor(() => expect(begun).toEqual([expect.objectContaining({ provider: "aol", app_id: "a2" })]));
});

it("comes back in a window: closes itself, and says so where it cannot", async () => {
  noteWindow("f1");
  flow = { ...flow, state: "done", account_id: "ben" };
  open("/oauth/return?flow=f1");
  expect(await screen.findByText("You can close this window")).toBeVisible();
  expect(close).toHaveBeenCalled();
});

it("comes back in a tab: goes on to the account", async () => {
  noteWindow("another");
  flow = { ...flow, state: "working" };
  const { router } = open("/oauth/return?flow=f1");
  expect(await screen.findByText("Checking the mailbox…")).toBeVisible();
  await goOn({ state: "done", account_id: "ana" });
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ana/start"));
  expect(close).not.toHaveBeenCalled();
});

it("comes back in a tab after a reconnection: goes on to the mail", async () => {
  flow = { ...flow, state: "done", account_id: "ana", adds: false };
  const { router } = open("/oauth/return?flow=f1");
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ana/mail"));
});

it("comes back in a tab after a refusal: says why, and leads to the form with the address", async () => {
  flow = { ...flow, state: "failed", problem: failure("consent_declined", "The access was declined.") };
  const { user } = open("/oauth/return?flow=f1");
  expect(await screen.findByText("The access was declined.")).toBeVisible();
  expect(screen.getByRole("link", { name: "Back to Accounts" })).toHaveAttribute("href", "/accounts");
  await user.click(screen.getByRole("link", { name: "Try again" }));
  expect(await screen.findByLabelText("Email address")).toHaveValue("ben@acme.test");
});

it("comes back with nothing that is known", async () => {
  open("/oauth/return");
  expect(
    await screen.findByRole("heading", { name: "This sign-in is not known here or was used already" }),
  ).toBeVisible();
  expect(screen.getByRole("link", { name: "Begin again" })).toHaveAttribute("href", "/accounts/add");
});

it("asks to sign in first, and comes back", async () => {
  server.use(http.get(api("/session"), () => problem(401, "not_signed_in", "Sign in.")));
  const { router } = open("/oauth/return?flow=f1");
  await waitFor(() => expect(router.state.location.pathname).toBe("/sign-in"));
  expect(router.state.location.search).toEqual({ next: "/oauth/return?flow=f1" });
});

it("goes to the sign-in when somebody signed out in another tab", async () => {
  const { router } = await begin("google", "Google");
  await screen.findByText("Waiting for Google…");
  const out = () => problem(401, "not_signed_in", "Sign in first.");
  server.use(http.get(api("/session"), out), http.get(api("/oauth/flows/f1"), out));
  await goOn({});
  await waitFor(() => expect(router.state.location.pathname).toBe("/sign-in"));
  expect(router.state.location.search).toEqual({ next: "/accounts/add/google" });
  expect(await screen.findByRole("heading", { name: "Sign in to Posthouse" })).toBeVisible();
});

it.each([
  [true, "Sign in in the other tab and begin again. You can close this window.", 0],
  [false, "Sign in and begin again. Nothing was saved.", 1],
])("says that nobody is signed in where the provider leads back to: window %s", async (own, words, links) => {
  if (own) noteWindow("f1");
  server.use(http.get(api("/session"), () => problem(401, "not_signed_in", "Sign in first.")));
  open("/oauth/return?out=f1");
  expect(await screen.findByRole("heading", { name: "You are signed out" })).toBeVisible();
  expect(screen.getByText(words)).toBeVisible();
  expect(screen.queryAllByRole("link", { name: "Sign in" })).toHaveLength(links);
  expect(screen.queryByLabelText("Password")).not.toBeInTheDocument();
});
