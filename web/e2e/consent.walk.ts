/** Accounts are connected and reconnected by signing in at a provider, whatever happens to its window. */
import type { Page } from "@playwright/test";
import { rowOf } from "./support/forms";
import type { Mailbox } from "./support/lab";
import { asOwner, keepDefaults, OWNER, untilLive } from "./support/owner";
import { allow, forget, signIn, windowOf } from "./support/provider";
import { expect, type House, test } from "./support/test";

test.use({ oauth: true });
test.beforeEach(({ page, house }) => asOwner(page, house));

/** Fills the form of a provider, up to the button that leads there. */
async function fill(page: Page, kind: "google" | "microsoft", mailbox: Mailbox): Promise<void> {
  await page.goto(`/accounts/add/${kind}`);
  await page.getByLabel("Email address").fill(mailbox.address);
  await page.getByLabel("Display name").fill("Ben Kim");
}

const go = (page: Page, label: string) => page.getByRole("button", { name: `Continue with ${label}` });

/** Connects by Google's window and answers with the account's id. */
async function connected(page: Page, mailbox: Mailbox): Promise<string> {
  await fill(page, "google", mailbox);
  await allow(await windowOf(page, () => go(page, "Google").click()));
  await keepDefaults(page);
  await expect(rowOf(page, mailbox.address)).toContainText("Connected");
  const found = await page.request.get(`/api/v1/accounts?search=${mailbox.address}`);
  return ((await found.json()) as { items: { id: string }[] }).items[0]?.id ?? "";
}

/** What a person does who takes access away, and the mail server that ends the session. */
async function revoke({ lab }: House, mailbox: Mailbox): Promise<void> {
  await lab.openid("google", "revoke", { email: mailbox.address });
  await lab.kick(mailbox);
}

test("Google: a window opens, closes itself, and the account is connected", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, "google", ben);
  await expect(page.getByText("Send email on your behalf")).toBeVisible();
  const opened = await windowOf(page, () => go(page, "Google").click());
  await expect(page.getByText("Waiting for Google…")).toBeVisible();
  await signIn(opened);
  await expect(opened.getByRole("checkbox", { name: "https://mail.google.com/" })).toBeChecked();
  await opened.getByRole("button", { name: "Allow access" }).click();
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
  await expect(rowOf(page, ben.address)).toContainText("Gmail");
  await expect.poll(() => opened.isClosed()).toBe(true);
});

test("Microsoft: this tab goes there and comes back to the account", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await house.lab.deliver(
    ben,
    "From: cleo@lab.test\r\nSubject: Lunch\r\nMessage-ID: <l@lab.test>\r\n\r\nHi.\r\n",
  );
  await fill(page, "microsoft", ben);
  await go(page, "Microsoft").click();
  await allow(page);
  await keepDefaults(page);
  await page.getByRole("link", { name: "Ben Kim" }).click();
  await expect(page.getByRole("link", { name: /Lunch/ })).toBeVisible();
});

test("declining, leaving out a permission, and another person's sign-in each say what to do", async ({
  page,
  house,
}) => {
  const ben = await house.lab.addUser("ben");
  const cleo = await house.lab.addUser("cleo");
  await fill(page, "google", ben);
  const first = await windowOf(page, () => go(page, "Google").click());
  await signIn(first);
  await first.getByRole("link", { name: "[ Cancel ]" }).click();
  await expect(page.getByRole("alert")).toContainText("The access was declined on the provider's page.");
  await expect.poll(() => first.isClosed()).toBe(true);

  const again = page.getByRole("button", { name: "Try again" });
  const second = await windowOf(page, () => again.click());
  await expect(second.getByRole("heading", { name: "Allow access" })).toBeVisible();
  await second.getByRole("checkbox", { name: "https://mail.google.com/" }).uncheck();
  await second.getByRole("button", { name: "Allow access" }).click();
  await expect(page.getByRole("alert")).toContainText("A permission that is needed was not given.");

  // The provider knows the browser by now: somebody else signs in as if in another one.
  await forget(page);
  const third = await windowOf(page, () => again.click());
  await allow(third, cleo);
  await expect(page.getByRole("alert")).toContainText(cleo.address);
  await expect(page.getByRole("alert")).toContainText("Another person signed in");
  await expect(page.getByText("Login refused")).toHaveCount(0);
  await page.goto("/accounts");
  await expect(page.getByRole("heading", { name: "No account is connected yet" })).toBeVisible();
});

test("consent that was taken back asks for a person, and signing in again heals", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  const id = await connected(page, ben);
  await untilLive(page, id);
  await revoke(house, ben);
  await expect(rowOf(page, ben.address)).toContainText("Reconnect required");
  await page.goto(`/accounts/${id}/reconnect`);
  await expect(page.getByText(/The permission to use this mailbox was taken back/).first()).toBeVisible();
  const again = page.getByRole("button", { name: "Sign in with Google again" });
  const opened = await windowOf(page, () => again.click());
  await expect(opened.getByRole("heading", { name: "Allow access" })).toBeVisible();
  await opened.getByRole("button", { name: "Allow access" }).click();
  await expect(page.getByText(`${ben.address} is connected again.`)).toBeVisible();
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});

test("a window that was closed is opened again, or given up", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, "google", ben);
  await (await windowOf(page, () => go(page, "Google").click())).close();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Waiting for Google…")).toHaveCount(0);
  await (await windowOf(page, () => go(page, "Google").click())).close();
  const again = page.getByRole("button", { name: "Open the window again" });
  await allow(await windowOf(page, () => again.click()));
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});

test("giving a sign-in up closes its window", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, "google", ben);
  const opened = await windowOf(page, () => go(page, "Google").click());
  await expect(opened.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect.poll(() => opened.isClosed()).toBe(true);
  await expect(page.getByText("Waiting for Google…")).toHaveCount(0);
});

test("a page that is loaded again goes on with the sign-in", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, "google", ben);
  const opened = await windowOf(page, () => go(page, "Google").click());
  await expect(opened.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.reload();
  await expect(page.getByText("Waiting for Google…")).toBeVisible();
  await expect(page.getByLabel("Email address")).toHaveValue(ben.address);
  await allow(opened);
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
  await expect.poll(() => opened.isClosed()).toBe(true);
});

test("a window that the browser blocks becomes this tab", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await page.addInitScript(() => {
    window.open = () => null;
  });
  await fill(page, "google", ben);
  await go(page, "Google").click();
  await expect(page.getByRole("alert")).toContainText("Your browser let no window open");
  await page.getByRole("button", { name: "Continue in this tab" }).click();
  await allow(page);
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});

/** Signs out in a second tab of the same browser, as a person does. */
async function signOutElsewhere(page: Page): Promise<void> {
  const second = await page.context().newPage();
  await second.goto("/accounts");
  await second.getByRole("button", { name: /account menu$/ }).click();
  await second.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(second.getByRole("heading", { name: "Sign in to Posthouse" })).toBeVisible();
  await second.close();
}

async function signInAgain(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { name: "Sign in to Posthouse" })).toBeVisible();
  await page.getByLabel("Email").fill(OWNER.email);
  await page.getByLabel("Password", { exact: true }).fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("whoever signs out in a second tab meanwhile is told so in the first, and begins again with what was typed", async ({
  page,
  house,
}) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, "microsoft", ben);
  await go(page, "Microsoft").click();
  await signIn(page);
  await signOutElsewhere(page);
  await page.getByRole("button", { name: "Allow access" }).click();
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await expect(page.getByText("Sign in and begin again. Nothing was saved.")).toBeVisible();
  await page.getByRole("link", { name: "Sign in" }).click();
  await signInAgain(page);
  await page.getByRole("link", { name: /Microsoft/ }).click();
  await expect(page.getByLabel("Email address")).toHaveValue(ben.address);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByLabel("Display name")).toHaveValue("Ben Kim");
  await go(page, "Microsoft").click();
  // What was allowed is not asked again there.
  await expect(page.getByLabel("Address")).toHaveValue(ben.address);
  await page.getByLabel("Password").fill("any password does");
  await page.getByRole("button", { name: "Sign in" }).click();
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});

test("signed out meanwhile, the window says so and the tab that opened it asks to sign in", async ({
  page,
  house,
}) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, "google", ben);
  const opened = await windowOf(page, () => go(page, "Google").click());
  await signIn(opened);
  await signOutElsewhere(page);
  await expect(page.getByRole("heading", { name: "Sign in to Posthouse" })).toBeVisible();
  await opened.getByRole("button", { name: "Allow access" }).click();
  await expect(opened.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await expect(opened.getByText(/You can close this window/)).toBeVisible();
  await opened.close();
  await signInAgain(page);
  await expect(page.getByLabel("Email address")).toHaveValue(ben.address);
  const again = page.getByRole("button", { name: "Open the window again" });
  const second = await windowOf(page, () => again.click());
  await second.getByRole("button", { name: "Allow access" }).click();
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
  await expect.poll(() => second.isClosed()).toBe(true);
});

test("an app of the team is added, checked, mended and tried", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  for (const secret of ["not-the-secret", "app-secret"]) house.secrets.add(secret);
  await page.goto("/settings/providers");
  const google = page.getByRole("region", { name: "Google", exact: true });
  await expect(google.getByRole("region", { name: "This installation's app" })).toBeVisible();
  await google.getByRole("button", { name: "Add an app of Google" }).click();
  const dialog = page.getByRole("dialog", { name: "Add an app of Google" });
  await dialog.getByRole("button", { name: "Add app" }).click();
  await expect(dialog.getByRole("alert")).toContainText("2 things need your attention");
  await dialog.getByLabel("Name").fill("Acme at Google");
  await dialog.getByLabel("Client ID").fill("app");
  await dialog.getByLabel("Client secret", { exact: true }).fill("not-the-secret");
  await dialog.getByRole("button", { name: "Add app" }).click();
  const own = google.getByRole("region", { name: "Acme at Google", exact: true });
  await own.getByRole("button", { name: "Check" }).click();
  await expect(own.getByText("Client ID and secret: failed")).toBeVisible();

  await own.getByRole("button", { name: "Change" }).click();
  const change = page.getByRole("dialog", { name: "Change the app of Google" });
  await expect(change.getByLabel("Client secret", { exact: true })).toHaveValue("");
  await change.getByLabel("Client secret", { exact: true }).fill("app-secret");
  await change.getByRole("button", { name: "Save changes" }).click();
  await own.getByRole("button", { name: "Check" }).click();
  await expect(own.getByText("Client ID and secret: ok")).toBeVisible();

  await allow(await windowOf(page, () => own.getByRole("button", { name: "Try it" }).click()), ben);
  await expect(own.getByText(/The app works: Google let Posthouse in/)).toBeVisible();
  await page.goto("/accounts/add/google");
  await expect(page.getByRole("radio", { name: "Acme at Google" })).toBeChecked();
  await page.goto("/settings/providers");
  await own.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove app" }).click();
  await expect(own).toHaveCount(0);
});
