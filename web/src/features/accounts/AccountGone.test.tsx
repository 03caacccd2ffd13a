import { act, screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, FakeEventSource, open, problem, server } from "../../../test/world";

it("says that the account was deleted elsewhere, in the place of its pages", async () => {
  let deleted = false;
  server.use(
    http.get(api("/accounts/ana"), () =>
      deleted ? problem(404, "not_found", "No such account.") : HttpResponse.json(account("ana")),
    ),
  );
  open("/accounts/ana/settings");
  expect(await screen.findByRole("heading", { name: "Servers" })).toBeVisible();
  deleted = true;
  act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "accounts", account_id: "ana" }));
  expect(await screen.findByRole("heading", { name: "This account was deleted" })).toBeVisible();
  expect(screen.getByRole("link", { name: "Go to accounts" })).toHaveAttribute("href", "/accounts");
  expect(screen.queryByText("Connected")).not.toBeInTheDocument();
});

it("lets the dialog that deletes it end its work", async () => {
  let deleted = false;
  server.use(
    http.get(api("/accounts/ana"), () =>
      deleted ? problem(404, "not_found", "No such account.") : HttpResponse.json(account("ana")),
    ),
    http.get(api("/accounts/ana/closing"), () =>
      HttpResponse.json({
        address: "ana@acme.test",
        messages: 1,
        folders: 6,
        queued: 0,
        uncertain: 0,
        bytes: 5,
      }),
    ),
    http.delete(api("/accounts/ana"), async () => {
      deleted = true;
      // The live stream is quicker than the answer.
      FakeEventSource.all.at(-1)?.say("topic", { topic: "accounts", account_id: "ana" });
      await new Promise((resolve) => setTimeout(resolve, 200));
      return new HttpResponse(null, { status: 202 });
    }),
  );
  const { user, router } = open("/accounts/ana/settings");
  await user.click(await screen.findByRole("button", { name: "Actions for ana@acme.test" }));
  await user.click(await screen.findByRole("menuitem", { name: "Delete" }));
  await user.type(await screen.findByRole("textbox", { name: /confirm/ }), " ANA@acme.test ");
  await user.click(screen.getByRole("button", { name: "Delete account" }));
  expect(await screen.findByText("ana@acme.test is being deleted.")).toBeInTheDocument();
  expect(router.state.location.pathname).toBe("/accounts");
});
