import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, open, server, side } from "../../../test/world";

it("adds a receiving side to an account that only sends", async () => {
  const bodies: unknown[] = [];
  const only = account("ana", { imap: null, receiving: side("not_set_up") });
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(only)),
    http.post(
      api("/accounts/ana/test"),
      () =>
        new HttpResponse('event: done\ndata: {"ok":true,"imap_ok":true,"smtp_ok":true}\n\n', {
          headers: { "content-type": "text/event-stream" },
        }),
    ),
    http.post(api("/accounts/ana/reconnect"), async ({ request }) => {
      bodies.push(await request.json());
      return HttpResponse.json(account("ana"));
    }),
  );
  const { user, router } = open("/accounts/ana/reconnect");
  const wish = await screen.findByRole("switch", { name: /^Receive mail with this account/ });
  expect(wish).not.toBeChecked();
  await user.click(wish);
  const field = (name: string) => document.getElementById(name) as HTMLElement;
  await user.type(field("imap.host"), "imap.acme.test");
  await user.type(field("imap.password"), "secret");
  await user.dblClick(screen.getByRole("button", { name: "Reconnect" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ana/settings"));
  expect(bodies).toEqual([
    {
      smtp: expect.objectContaining({ host: "smtp.acme.test", password: null }),
      imap: {
        host: "imap.acme.test",
        port: 993,
        encryption: "tls",
        username: "ana@acme.test",
        password: "secret",
      },
    },
  ]);
});
