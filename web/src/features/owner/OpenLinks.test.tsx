import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { api, open, server, withApps } from "../../../test/world";

function link(id: string, used_up: boolean) {
  return {
    id,
    address: `${id}@acme.test`,
    display_name: "Ben",
    account_id: null,
    made_by: "Ada",
    used_up,
    created_at: new Date(Date.now() - 3_600_000).toISOString(),
    expires_at: new Date(Date.now() + 3 * 86_400_000).toISOString(),
  };
}

it("does not let a link wait that nobody can connect with any more", async () => {
  const items = [link("fresh", false), link("dead", true)];
  server.use(
    http.get(api("/providers"), () => HttpResponse.json({ items: withApps({}) })),
    http.get(api("/owner-links"), () => HttpResponse.json({ items })),
  );
  open("/accounts/add/owner");
  const dead = (await screen.findByText("dead@acme.test")).closest("li") as HTMLElement;
  expect(within(dead).getByText("Used up: make a new one")).toBeVisible();
  expect(dead).not.toHaveTextContent("ends");
  const fresh = screen.getByText("fresh@acme.test").closest("li") as HTMLElement;
  expect(fresh).toHaveTextContent("ends");
  expect(fresh).not.toHaveTextContent("Used up");
});
