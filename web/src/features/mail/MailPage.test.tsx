import { act, screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, FakeEventSource, open, server } from "../../../test/world";

it("follows the import of the account above its list", async () => {
  let sync: ReturnType<typeof account>["sync"] = { stage: "importing", done: 120, total: 900 };
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(account("ana", { sync }))),
    http.get(api("/accounts/ana/folders"), () => HttpResponse.json({ items: [] })),
    http.get(api("/accounts/ana/messages"), () => HttpResponse.json({ items: [], next_cursor: null })),
  );
  open("/accounts/ana/mail");
  expect(await screen.findByText("Importing 120 of 900 messages")).toBeVisible();
  expect(screen.getByRole("progressbar", { name: "Import" })).toHaveAttribute("aria-valuenow", "13");
  const news = () =>
    act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "accounts", account_id: "ana" }));
  sync = { stage: "importing", done: 720, total: 900 };
  news();
  expect(await screen.findByText("Importing 720 of 900 messages")).toBeVisible();
  sync = { stage: "live" };
  news();
  expect(await screen.findByText("No mail in the imported time")).toBeVisible();
  expect(screen.queryByRole("progressbar")).not.toBeInTheDocument();
});
