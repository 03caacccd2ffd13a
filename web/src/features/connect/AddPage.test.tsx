import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { api, found, looked, open, problem, server, stream, withApps } from "../../../test/world";
import type { Discovered, Found, Looked } from "../../api/client";

/** A search that ends at once. */
function ends(result: Discovered) {
  const search = stream();
  search.say("done", result);
  search.end();
  return search.response();
}

/** Asks for ben@old.test and answers with this. */
async function find(found: Found[], looked: Looked[] = []) {
  const bodies: unknown[] = [];
  server.use(
    http.post(api("/accounts/discover"), async ({ request }) => {
      bodies.push(await request.json());
      return ends({ found, looked });
    }),
  );
  const page = open("/accounts/add");
  await page.user.type(await screen.findByLabelText("Email address"), "ben@old.test{Enter}");
  return { ...page, bodies };
}

const field = (id: string) => document.getElementById(id);

it("shows what is looked at as it happens, and then goes on to a filled form", async () => {
  const search = stream();
  server.use(http.post(api("/accounts/discover"), search.response));
  const { user, router } = open("/accounts/add");
  await user.type(await screen.findByLabelText("Email address"), "ben@old.test{Enter}");
  search.say("looked", looked("autoconfig", "running"));
  expect(await screen.findByText("Settings that the domain publishes")).toBeVisible();
  expect(screen.queryByText("7 ms")).not.toBeInTheDocument();
  search.say("looked", looked("autoconfig", "found"));
  expect(await screen.findByText("7 ms")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Continue" })).not.toBeInTheDocument();
  search.say("done", { found: [found()], looked: [looked("autoconfig", "found")] });
  search.end();
  expect(await screen.findByRole("heading", { name: "Old Host" })).toBeVisible();
  expect(screen.getByText(/imap\.old\.test, port 993, TLS/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Continue" }));
  await screen.findByRole("heading", { name: "Connect a custom server" });
  expect(router.state.location.pathname).toBe("/accounts/add/custom");
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@old.test");
  expect(field("smtp.host")).toHaveValue("smtp.old.test");
  expect(field("smtp.port")).toHaveValue("465");
  expect(field("imap.host")).toHaveValue("imap.old.test");
  expect(screen.getByLabelText("Provider name")).toHaveValue("Old Host");
  expect(screen.getByLabelText("Display name")).toHaveFocus();
});

it("goes on with doubtful servers only after a person agreed", async () => {
  const { user } = await find([found({ doubt: "The SRV record leads to servers of old.test." })]);
  const go = await screen.findByRole("button", { name: "Continue" });
  expect(screen.getByText("The SRV record leads to servers of old.test.")).toBeVisible();
  expect(go).toBeDisabled();
  await user.click(
    screen.getByRole("checkbox", { name: "These are my provider's servers: imap.old.test, smtp.old.test" }),
  );
  expect(go).toBeEnabled();
});

it("leads an address at Microsoft to signing in there, with the address filled in", async () => {
  const items = withApps({ microsoft: [{ id: null, name: "This installation's app" }] });
  server.use(http.get(api("/providers"), () => HttpResponse.json({ items })));
  const { user, router } = await find([found({ kind: "microsoft", provider: "Microsoft 365" })]);
  expect(await screen.findByText("On the next page you sign in with Microsoft.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Continue" }));
  expect(await screen.findByRole("button", { name: "Continue with Microsoft" })).toBeVisible();
  expect(router.state.location.pathname).toBe("/accounts/add/microsoft");
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@old.test");
});

it("lists the other servers that were found, each with its own way on", async () => {
  const other = found({ kind: "imap", provider: null, smtp: null });
  const { user, router } = await find([found(), other]);
  const others = await screen.findByRole("region", { name: "Other servers that were found" });
  expect(within(others).getByText("No server was found.")).toBeVisible();
  await user.click(within(others).getByRole("button", { name: "Continue" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/add/imap"));
  expect(await screen.findByRole("switch", { name: /Also send from this address/ })).not.toBeChecked();
});

it("says what was looked at when nothing is found, and carries the address over to the form by hand", async () => {
  const { user, router, bodies } = await find(
    [],
    [looked("autoconfig", "failed", { words: "The certificate is for another name." })],
  );
  expect(await screen.findByText("No servers were found.")).toBeVisible();
  expect(screen.getByText("The certificate is for another name.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Ask also over an unprotected connection" }));
  await waitFor(() => expect(bodies).toHaveLength(2));
  expect(bodies).toEqual([{ address: "ben@old.test" }, { address: "ben@old.test", allow_http: true }]);
  await user.click(await screen.findByRole("link", { name: "Enter the servers by hand" }));
  await screen.findByRole("heading", { name: "Connect a custom server" });
  expect(router.state.location.pathname).toBe("/accounts/add/custom");
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@old.test");
  expect(field("smtp.username")).toHaveValue("ben@old.test");
});

it("does not offer the unprotected question where it cannot help", async () => {
  await find([], [looked("autoconfig", "no_such_name")]);
  expect(await screen.findByText("No servers were found.")).toBeVisible();
  expect(screen.queryByRole("button", { name: /unprotected/ })).not.toBeInTheDocument();
});

it("takes back what was found for another address", async () => {
  const { user } = await find([found()]);
  await screen.findByRole("button", { name: "Continue" });
  await user.type(screen.getByLabelText("Email address"), "x");
  expect(screen.queryByRole("button", { name: "Continue" })).not.toBeInTheDocument();
});

it("says what is wrong with the address, before and after it asks", async () => {
  server.use(
    http.post(api("/accounts/discover"), () =>
      problem(422, "validation_failed", "Some fields are not right.", {
        fields: [{ field: "address", code: "invalid", message: "There is a space in it." }],
      }),
    ),
  );
  const { user } = open("/accounts/add");
  const address = await screen.findByLabelText("Email address");
  await user.type(address, "ben{Enter}");
  expect(screen.getByText(/Enter the whole email address/)).toBeVisible();
  expect(address).toHaveFocus();
  await user.type(address, "@x{Enter}");
  expect(await screen.findByText("There is a space in it.")).toBeVisible();
  expect(address).toHaveAccessibleDescription(/There is a space in it/);
});

it.each([
  [
    "is cut off",
    () => new HttpResponse("", { headers: { "content-type": "text/event-stream" } }),
    /cut off|ended before/,
  ],
  [
    "comes too often",
    () => problem(429, "rate_limited", "Too many attempts. Try again in 9 seconds."),
    /in 9 seconds/,
  ],
  ["cannot be reached", () => HttpResponse.error(), /could not be reached/],
])("offers to try again when the search %s", async (_, answer, words) => {
  server.use(http.post(api("/accounts/discover"), answer, { once: true }));
  server.use(http.post(api("/accounts/discover"), () => ends({ found: [found()], looked: [] })));
  server.use(http.post(api("/accounts/discover"), answer, { once: true }));
  const { user } = open("/accounts/add");
  await user.type(await screen.findByLabelText("Email address"), "ben@old.test{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent(words);
  expect(screen.getByRole("link", { name: "Enter the servers by hand" })).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("heading", { name: "Old Host" })).toBeVisible();
});

it("has a card for each kind of account, with the labels of the server", async () => {
  open("/accounts/add");
  const cards = await screen.findByRole("region", { name: "Or choose where the mailbox lives" });
  await within(cards).findByRole("link", { name: /Gmail/ });
  expect(
    within(cards)
      .getAllByRole("link")
      .map((each) => each.getAttribute("href")),
  ).toEqual(
    ["google", "microsoft", "yahoo", "icloud", "custom", "imap"].map((kind) => `/accounts/add/${kind}`),
  );
});

it("knows no other kind", async () => {
  open("/accounts/add/exchange");
  expect(await screen.findByRole("heading", { name: "There is nothing at this address" })).toBeVisible();
});

it("can find servers also when the kinds of accounts could not be loaded", async () => {
  server.use(http.get(api("/providers"), () => problem(403, "forbidden", "Not for you.")));
  open("/accounts/add");
  expect(await screen.findByText("The providers could not be loaded")).toBeVisible();
  expect(screen.getByRole("button", { name: "Find servers" })).toBeEnabled();
});
