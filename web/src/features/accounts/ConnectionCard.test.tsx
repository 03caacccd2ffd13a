import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, open, server, side } from "../../../test/world";

const SLOW = /slow down/;

it("tries what is saved again once for a double click, and says so", async () => {
  let tries = 0;
  const refused = account("ana", {
    status: "reconnect_required",
    status_side: "receiving",
    receiving: side("reconnect_required", { reason: "login_refused" }),
  });
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(refused)),
    http.post(api("/accounts/ana/retry"), () => {
      tries += 1;
      return new HttpResponse(null, { status: 202 });
    }),
  );
  const { user } = open("/accounts/ana/settings");
  await user.dblClick(await screen.findByRole("button", { name: "Try the saved password again" }));
  expect(await screen.findByText("Trying the saved password. The state follows here.")).toBeVisible();
  expect(tries).toBe(1);
});

it("offers no try with a password that is gone", async () => {
  const gone = side("reconnect_required", { reason: "password_missing" });
  server.use(
    http.get(api("/accounts/ana"), () =>
      HttpResponse.json(
        account("ana", { status: "reconnect_required", receiving: gone, sync: { stage: "backing_off" } }),
      ),
    ),
  );
  open("/accounts/ana/settings");
  const connection = await screen.findByRole("region", { name: "Connection" });
  expect(within(connection).getByRole("link", { name: "Reconnect" })).toBeVisible();
  expect(within(connection).queryByRole("button")).not.toBeInTheDocument();
  expect(screen.queryByText(SLOW)).not.toBeInTheDocument();
});
