import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { api, open, problem, server, session } from "../../../test/world";
import type { OAuthApp, OAuthProviderSettings } from "../../api/client";

function app(more: Partial<OAuthApp> = {}): OAuthApp {
  return {
    id: "a1",
    name: "Acme at Google",
    client_id: "client",
    has_secret: true,
    tenant: "",
    accounts: 0,
    fault: null,
    ...more,
  };
}

function google(apps: OAuthApp[]): OAuthProviderSettings {
  return {
    provider: "google",
    label: "Google",
    has_tenant: false,
    redirect_url: "https://mail.acme.test/oauth/callback",
    scopes: ["openid", "email"],
    console: "https://console.test/",
    steps: ["Create a project."],
    apps,
  };
}

const has = (...apps: OAuthApp[]) =>
  server.use(http.get(api("/oauth/providers"), () => HttpResponse.json({ items: [google(apps)] })));

it("shows what to register, open as long as there is no app", async () => {
  has();
  open("/settings/providers");
  expect(await screen.findByText("https://mail.acme.test/oauth/callback")).toBeVisible();
  expect(screen.getByRole("button", { name: "Copy the redirect URL for Google" })).toBeVisible();
  expect(screen.getByText("openid email")).toBeVisible();
  expect(screen.getByText("Create a project.").closest("details")).toHaveAttribute("open");
});

it("leaves the secret alone when none is typed", async () => {
  const bodies: unknown[] = [];
  has(app());
  server.use(
    http.patch(api("/oauth/apps/a1"), async ({ request }) => {
      bodies.push(await request.json());
      return new HttpResponse(null, { status: 204 });
    }),
  );
  const { user } = open("/settings/providers");
  await user.click(await screen.findByRole("button", { name: "Change" }));
  const dialog = await screen.findByRole("dialog");
  await user.clear(within(dialog).getByLabelText("Name"));
  await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
  expect(within(dialog).getByRole("link", { name: "Enter a name." })).toBeVisible();
  await user.type(within(dialog).getByLabelText("Name"), "Ours");
  await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
  expect(await screen.findByText("The app is changed.")).toBeVisible();
  expect(bodies).toEqual([{ name: "Ours", client_id: "client", tenant: "" }]);
});

it("shows the installation's app without a way to change it, and keeps an app that accounts live by", async () => {
  has(app({ id: null, name: "This installation's app" }), app({ accounts: 3 }));
  const { user } = open("/settings/providers");
  const theirs = await screen.findByRole("region", { name: "This installation's app" });
  expect(
    within(theirs)
      .getAllByRole("button")
      .map((each) => each.textContent),
  ).toEqual(["Check", "Try it"]);
  await user.click(screen.getByRole("button", { name: "Remove" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog).toHaveTextContent("3 accounts live by this app");
  expect(within(dialog).queryByRole("button", { name: "Remove app" })).not.toBeInTheDocument();
});

it("says each check's outcome in a word, and what to do", async () => {
  has(app());
  const items = [
    { name: "redirect", outcome: "ok", seen: "People come back to https://mail.acme.test/", fix: null },
    { name: "page", outcome: "warning", seen: "It answers with status 500", fix: "Try it with a person." },
    { name: "app", outcome: "failed", seen: "invalid_client", fix: "Copy the secret again." },
  ];
  server.use(http.post(api("/oauth/apps/check"), () => HttpResponse.json({ items })));
  const { user } = open("/settings/providers");
  await user.click(await screen.findByRole("button", { name: "Check" }));
  const checks = await screen.findByRole("region", { name: "Checks of Acme at Google" });
  for (const words of ["Redirect URL: ok", "Consent page: warning", "Client ID and secret: failed"]) {
    expect(within(checks).getByText(words)).toBeVisible();
  }
  expect(checks).toHaveTextContent("Copy the secret again.");
});

it("tells admins above the accounts which app is refused, once", async () => {
  const fault = { code: "invalid_client", server_words: "no", since: "2026-11-01T10:00:00.000Z" };
  has(app({ accounts: 40, fault }));
  open("/accounts");
  expect(await screen.findByText(/Google refuses the app/)).toHaveTextContent("40 accounts use it");
  expect(screen.getByRole("link", { name: "Open the providers" })).toHaveAttribute(
    "href",
    "/settings/providers",
  );
});

it("asks nothing of the server for a member, and says whom it is for", async () => {
  server.use(
    http.get(api("/session"), () => HttpResponse.json({ ...session, role: "member" })),
    http.get(api("/oauth/providers"), () => problem(403, "forbidden", "Not for you.")),
  );
  open("/settings/providers");
  expect(await screen.findByText("Providers are for admins")).toBeVisible();
  expect(screen.queryByRole("link", { name: "Settings" })).not.toBeInTheDocument();
});
