/** The pages of sign-in by OAuth in each of their states, as `looks.walk.ts` does for the others. */
import type { Page } from "@playwright/test";
import type { ProviderCard } from "../src/api/client";
import type { Mailbox } from "./support/lab";
import { eachWidth, look } from "./support/look";
import { asOwner, connect, keepDefaults, untilLive } from "./support/owner";
import { allow, forget, signIn, windowOf } from "./support/provider";
import { expect, type House, test } from "./support/test";

test.use({ oauth: true });

async function fill(page: Page, mailbox: Mailbox): Promise<void> {
  await page.goto("/accounts/add/google");
  await page.getByLabel("Email address").fill(mailbox.address);
  await page.getByLabel("Display name").fill("Ben Kim");
}

const go = (page: Page) => page.getByRole("button", { name: "Continue with Google" });

/** The form, the window's course beside it, and the page that the provider leads back to. */
async function connecting(page: Page, ben: Mailbox): Promise<void> {
  await page.goto("/accounts/add");
  await expect(page.getByRole("link", { name: /Microsoft 365/ })).toBeVisible();
  await look(page, "add-cards");
  await page.goto("/accounts/add/google");
  await expect(go(page)).toBeVisible();
  await go(page).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "add-google-errors");
  await fill(page, ben);
  await look(page, "add-google");
  const opened = await windowOf(page, () => go(page).click());
  await expect(page.getByText("Waiting for Google…")).toBeVisible();
  await look(page, "add-google-waiting");
  await signIn(opened);
  await opened.getByRole("link", { name: "[ Cancel ]" }).click();
  await expect(page.getByRole("alert")).toContainText("declined");
  await look(page, "add-google-declined");
  await page.getByRole("button", { name: "Use an app password instead" }).click();
  await expect(page.getByLabel("App password")).toBeVisible();
  await look(page, "add-google-password");
  await page.goto("/oauth/return");
  await expect(page.getByRole("heading", { name: /not known here/ })).toBeVisible();
  await look(page, "return-unknown");
}

/** Flows in states that pass too quickly, with the answer made up. */
async function returning(page: Page): Promise<void> {
  const flow = {
    id: "01a2165844ea75f38cfb3b0a685a325f",
    provider: "google",
    address: "ben@lab.test",
    state: "working",
    dry_run: false,
    adds: true,
    account_id: null,
    problem: null as object | null,
    expires_at: new Date(Date.now() + 600_000).toISOString(),
  };
  await page.route("**/api/v1/oauth/flows/*", (route) => route.fulfill({ json: flow }));
  await page.goto(`/oauth/return?flow=${flow.id}`);
  await expect(page.getByText("Checking the mailbox…")).toBeVisible();
  await look(page, "return-working");
  const step = { side: "imap", step: "login", status: "failed", reason: "imap_disabled", took_ms: 210 };
  flow.state = "failed";
  flow.problem = {
    code: "imap_disabled",
    text: "IMAP is switched off for this mailbox.",
    fix: "Switch IMAP on in the mailbox's settings at the provider, then reconnect.",
    server_words:
      "NO [ALERT] Your account is not enabled for IMAP use. Please visit your account settings page",
    step: {
      ...step,
      server_words:
        "NO [ALERT] Your account is not enabled for IMAP use. Please visit your account settings page",
    },
  };
  await page.reload();
  await expect(page.getByRole("alert")).toContainText("IMAP is switched off");
  await look(page, "return-failed");
  flow.state = "done";
  flow.dry_run = true;
  await page.reload();
  await expect(page.getByRole("heading", { name: "The app works" })).toBeVisible();
  await look(page, "return-tried");
  await page.unroute("**/api/v1/oauth/flows/*");
}

/** Where nobody has set an app up, and where the browser blocks windows. */
async function withoutApps(page: Page, ben: Mailbox): Promise<void> {
  await page.route("**/api/v1/providers", async (route) => {
    const answer = await route.fetch();
    const { items } = (await answer.json()) as { items: ProviderCard[] };
    for (const { oauth } of items) for (const choice of oauth) choice.apps = [];
    await route.fulfill({ json: { items } });
  });
  await page.goto("/accounts/add/microsoft");
  await expect(page.getByText("Signing in with Microsoft is not set up yet")).toBeVisible();
  await look(page, "add-microsoft-no-app");
  await page.goto("/accounts/add/yahoo");
  await expect(page.getByText(/Signing in with Yahoo is not set up here/)).toBeVisible();
  await look(page, "add-yahoo-no-app");
  await page.unroute("**/api/v1/providers");
  await fill(page, ben);
  await page.evaluate(() => {
    window.open = () => null;
  });
  await go(page).click();
  await expect(page.getByText(/Your browser let no window open/)).toBeVisible();
  await look(page, "add-google-blocked");
  await page.getByRole("button", { name: "Cancel" }).click();
  // Else it is taken up again by the next page, and nothing can be typed there.
  await expect(go(page)).toBeEnabled();
}

/** Apps that do and that do not work, and the banner that follows. */
async function providers(page: Page, ben: Mailbox): Promise<void> {
  await page.goto("/settings/providers");
  const google = page.getByRole("region", { name: "Google", exact: true });
  await expect(google).toBeVisible();
  await look(page, "providers");
  await google.getByText("How to register an app at Google").click();
  await expect(page.getByRole("button", { name: "Copy the redirect URL for Google" })).toBeVisible();
  await look(page, "providers-steps");
  await google.getByRole("button", { name: "Add an app of Google" }).click();
  const dialog = page.getByRole("dialog", { name: "Add an app of Google" });
  await dialog.getByRole("button", { name: "Add app" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await look(page, "providers-add-errors");
  await dialog.getByLabel("Name").fill("Acme at Google");
  await dialog.getByLabel("Client ID").fill("app");
  await dialog.getByLabel("Client secret", { exact: true }).fill("not-the-secret");
  await dialog.getByRole("button", { name: "Add app" }).click();
  await expect(dialog).toHaveCount(0);
  const own = google.getByRole("region", { name: "Acme at Google", exact: true });
  await own.getByRole("button", { name: "Check" }).click();
  await expect(own.getByText("Client ID and secret: failed")).toBeVisible();
  await own.scrollIntoViewIfNeeded();
  await look(page, "providers-checked");
  await forget(page);
  await allow(await windowOf(page, () => own.getByRole("button", { name: "Try it" }).click()), ben);
  await expect(own.getByRole("alert")).toBeVisible();
  await expect(own.getByText(/refuses this app since/)).toBeVisible();
  await own.scrollIntoViewIfNeeded();
  await look(page, "providers-fault");
  await own.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("dialog")).toContainText("client ID and secret are deleted here");
  await look(page, "providers-remove");
  await page.goto("/accounts");
  await expect(page.getByText(/Google refuses the app/)).toBeVisible();
  await look(page, "accounts-fault");
}

async function asMember(page: Page): Promise<void> {
  await page.route("**/api/v1/session", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ json: { ...((await answer.json()) as object), role: "member" } });
  });
  await page.goto("/settings/providers");
  await expect(page.getByRole("heading", { name: "Providers are for admins" })).toBeVisible();
  await look(page, "providers-member");
  await page.unroute("**/api/v1/session");
}

async function reconnecting(page: Page, house: House, ben: Mailbox): Promise<void> {
  await fill(page, ben);
  await forget(page);
  await allow(await windowOf(page, () => go(page).click()));
  await keepDefaults(page);
  await expect(page.getByRole("row").filter({ hasText: ben.address })).toContainText("Connected");
  const found = await page.request.get(`/api/v1/accounts?search=${ben.address}`);
  const id = ((await found.json()) as { items: { id: string }[] }).items[0]?.id ?? "";
  await untilLive(page, id);
  await house.lab.openid("google", "revoke", { email: ben.address });
  await house.lab.kick(ben);
  await expect(page.getByRole("row").filter({ hasText: ben.address })).toContainText("Reconnect required");
  await page.goto(`/accounts/${id}/reconnect`);
  await expect(page.getByRole("button", { name: "Sign in with Google again" })).toBeVisible();
  await look(page, "reconnect-oauth");
  await page.getByRole("button", { name: "Use an app password instead" }).click();
  await expect(page.getByRole("button", { name: "Sign in with Google instead" })).toBeVisible();
  await look(page, "reconnect-oauth-password");
  const cleo = await house.lab.addUser("cleo");
  const only = await connect(page, house, cleo, "Cleo Marsh");
  await page.route(`**/api/v1/accounts/${only}`, async (route) => {
    const answer = await route.fetch();
    const account = (await answer.json()) as object;
    await route.fulfill({
      json: { ...account, smtp: null, sending: { state: "not_set_up", since: new Date() } },
    });
  });
  await page.goto(`/accounts/${only}/reconnect`);
  await page.getByRole("switch", { name: "Add sending" }).check();
  await look(page, "reconnect-add-sending");
  // An answer that is under way is waited for.
  await page.unrouteAll({ behavior: "wait" });
}

eachWidth(() => {
  test.beforeEach(({ page, house }) => asOwner(page, house));

  test("signing in at a provider", async ({ page, house }) => {
    test.slow();
    const ben = await house.lab.addUser("ben");
    await test.step("connecting", () => connecting(page, ben));
    await test.step("coming back", () => returning(page));
    await test.step("without an app, without windows", () => withoutApps(page, ben));
    await test.step("reconnecting", () => reconnecting(page, house, ben));
  });

  test("the apps for it", async ({ page, house }) => {
    test.slow();
    const ben = await house.lab.addUser("ben");
    house.secrets.add("not-the-secret");
    await test.step("for admins", () => providers(page, ben));
    await test.step("for members", () => asMember(page));
  });
});
