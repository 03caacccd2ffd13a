import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, it, vi } from "vitest";
import { account, api, open, server } from "../../../test/world";
import { ids } from "../../lib/ids";

const ID = "0198c0de-0000-7000-8000-00000000a0a0";

beforeEach(() => {
  vi.mocked(ids.is).mockRestore();
  server.use(http.get(api(`/accounts/${ID}`), () => HttpResponse.json(account(ID))));
});

it.each([
  "/accounts/imports",
  "/accounts/summary/settings",
  "/accounts/users/reconnect",
  "/accounts/zzz",
  `/accounts/${ID}/mail/search`,
])("says of %s that nothing is there, and asks for nothing", async (path) => {
  const asked = vi.fn();
  // What the API has of these names.
  server.use(
    http.get(api("/accounts/:word"), ({ params }) => {
      if (params.word === ID) return;
      asked(params.word);
      return HttpResponse.json({ items: [] });
    }),
    http.get(api("/messages/:word"), ({ params }) => {
      asked(params.word);
      return HttpResponse.json({ items: [] });
    }),
  );
  open(path);
  expect(await screen.findByRole("heading", { name: "There is nothing at this address" })).toBeVisible();
  // Inside of the frame.
  expect(screen.getAllByRole("link", { name: "Accounts" })[0]).toBeVisible();
  expect(asked.mock.calls.flat().filter((word) => word !== "summary" && word !== "users")).toEqual([]);
});

it("opens the account of an id", async () => {
  open(`/accounts/${ID}/settings`);
  expect(await screen.findByRole("heading", { name: "Servers" })).toBeVisible();
});

it("calls a fault of the page by its name and offers to load it again", async () => {
  vi.spyOn(console, "error").mockReturnValue(undefined);
  // An account that is none: the page stumbles over it.
  server.use(http.get(api(`/accounts/${ID}`), () => HttpResponse.json({ id: ID })));
  open(`/accounts/${ID}/settings`);
  expect(await screen.findByRole("button", { name: "Load the page again" })).toBeVisible();
  expect(screen.getByText(/^This page has a fault/)).toBeVisible();
  expect(screen.queryByText(/could not be reached/)).not.toBeInTheDocument();
});
