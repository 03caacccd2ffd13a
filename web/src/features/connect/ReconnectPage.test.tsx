import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { afterEach, expect, it, vi } from "vitest";
import { account, api, open, problem, server, side, withApps } from "../../../test/world";
import { browser } from "./consent/browser";

afterEach(() => vi.restoreAllMocks());

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

it("adds sending to an account that only receives, with a password for the new server", async () => {
  const bodies: unknown[] = [];
  const only = account("ana", { smtp: null, sending: side("not_set_up") });
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
  await user.click(await screen.findByRole("switch", { name: /^Add sending/ }));
  const field = (name: string) => document.getElementById(name) as HTMLElement;
  await user.type(field("smtp.host"), "smtp.acme.test");
  await user.click(screen.getByRole("button", { name: "Reconnect" }));
  expect(screen.getByRole("link", { name: "Enter the password of the outgoing server." })).toBeVisible();
  await user.type(field("smtp.password"), "secret");
  await user.click(screen.getByRole("button", { name: "Reconnect" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ana/settings"));
  expect(bodies).toEqual([
    {
      imap: expect.objectContaining({ host: "imap.acme.test", password: null }),
      smtp: {
        host: "smtp.acme.test",
        port: 587,
        encryption: "starttls",
        username: "ana@acme.test",
        password: "secret",
      },
    },
  ]);
});

/** The account of a provider, and the sign-ins that were begun for it. */
function ofGoogle(auth: "oauth" | "password") {
  const begun: unknown[] = [];
  const whole = account("ana", { provider: "google", provider_label: "Gmail" });
  const { smtp, imap } = whole;
  const own = { ...whole, smtp: smtp && { ...smtp, auth }, imap: imap && { ...imap, auth } };
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(own)),
    http.get(api("/providers"), () =>
      HttpResponse.json({ items: withApps({ google: [{ id: "a1", name: "Acme at Google" }] }) }),
    ),
    http.post(api("/oauth/flows"), async ({ request }) => {
      begun.push(await request.json());
      return problem(409, "app_configuration", "The app is gone.");
    }),
  );
  return begun;
}

it("signs in again by the app of last time, and by another one when that is refused", async () => {
  vi.spyOn(browser, "open").mockReturnValue(null);
  const begun = ofGoogle("oauth");
  const { user } = open("/accounts/ana/reconnect");
  const again = await screen.findByRole("button", { name: "Sign in with Google again" });
  expect(screen.getByLabelText("Email address")).toHaveAttribute("readonly");
  expect(screen.queryByRole("radio")).not.toBeInTheDocument();
  await user.click(again);
  expect(await screen.findByText("The app is gone.")).toBeVisible();
  await user.click(screen.getByRole("radio", { name: "Acme at Google" }));
  await user.click(screen.getByRole("button", { name: "Sign in with Google again" }));
  await waitFor(() =>
    expect(begun).toEqual([{ account_id: "ana" }, { account_id: "ana", provider: "google", app_id: "a1" }]),
  );
});

it("switches an account with a password to the provider's sign-in, and back", async () => {
  vi.spyOn(browser, "open").mockReturnValue(null);
  const begun = ofGoogle("password");
  const { user } = open("/accounts/ana/reconnect");
  await user.click(await screen.findByRole("button", { name: "Switch to Google's sign-in" }));
  await user.click(screen.getByRole("button", { name: "Continue with Google" }));
  await waitFor(() => expect(begun).toEqual([{ account_id: "ana", provider: "google", app_id: "a1" }]));
  await user.click(await screen.findByRole("button", { name: "Use an app password instead" }));
  expect(screen.getByRole("button", { name: "Reconnect" })).toBeVisible();
});
