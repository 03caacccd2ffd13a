/** Owners of mailboxes connect them by a link, signed out, in a browser that was never here. */
import type { Browser, Page } from "@playwright/test";
import { choose, field, fillServer, rowOf } from "./support/forms";
import type { Mailbox } from "./support/lab";
import { look, WIDTHS } from "./support/look";
import { asOwner, connect, untilLive } from "./support/owner";
import { allow, forget } from "./support/provider";
import { expect, type House, test } from "./support/test";

test.use({ oauth: true });
test.beforeEach(({ page, house }) => asOwner(page, house));

/** Looks at a page on a large and on a small screen. */
async function looks(page: Page, name: string): Promise<void> {
  for (const size of WIDTHS) {
    await page.setViewportSize(size);
    await look(page, name);
  }
  await page.setViewportSize(WIDTHS[0]);
}

/** A browser of somebody else. */
async function stranger(browser: Browser, house: House): Promise<Page> {
  const context = await browser.newContext({ baseURL: house.posthouse.url, reducedMotion: "reduce" });
  return context.newPage();
}

async function linkOn(page: Page): Promise<string> {
  const url = await page.getByLabel("Link", { exact: true }).inputValue();
  expect(new URL(url).hash).toMatch(/^#token=[\w-]{43}$/);
  return url;
}

test("a link to a new mailbox is made by saying all but the password, shown once, and revoked", async ({
  page,
  house,
}) => {
  const { lab } = house;
  await page.goto("/accounts/add");
  await page.getByRole("link", { name: "Let the owner connect it" }).click();
  await page.getByRole("button", { name: "Make link" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await looks(page, "owner-new-errors");
  await page.getByLabel("Email address").fill("ben@lab.test");
  await page.getByLabel("Display name").fill("Ben Kim");
  await fillServer(page, "smtp", { host: "localhost", port: lab.ports.submission });
  await fillServer(page, "imap", { host: "localhost", port: lab.ports.imaps });
  await expect(field(page, "imap", "username")).toHaveValue("ben@lab.test");
  await page.getByRole("button", { name: "Make link" }).click();
  await linkOn(page);
  await expect(page.getByRole("button", { name: "Copy link" })).toBeFocused();
  await looks(page, "owner-new-made");
  await page.reload();
  await expect(page.getByLabel("Link", { exact: true })).toHaveCount(0);
  await page.getByRole("button", { name: "Revoke the link for ben@lab.test" }).click();
  await expect(page.getByText("The link for ben@lab.test is revoked.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Links that nobody used yet" })).toHaveCount(0);
});

/** A link to a new mailbox, made by the API. */
async function linkFor(page: Page, { lab }: House, { address }: Mailbox): Promise<string> {
  const login = { host: "localhost", username: address };
  const answer = await page.request.post("/api/v1/owner-links", {
    data: {
      provider: "custom",
      address,
      display_name: "Ben Kim",
      smtp: { ...login, port: lab.ports.submission, encryption: "starttls" },
      imap: { ...login, port: lab.ports.imaps, encryption: "tls" },
    },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return ((await answer.json()) as { url: string }).url;
}

test("the owner sees who asks for what, mistypes, connects, and the link is used up", async ({
  page,
  house,
  browser,
}) => {
  const ben = await house.lab.addUser("ben");
  house.secrets.add(ben.password).add("not the right one");
  const url = await linkFor(page, house, ben);
  await page.goto("/accounts/add/owner");
  await expect(page.getByRole("button", { name: `Revoke the link for ${ben.address}` })).toBeVisible();

  const owner = await stranger(browser, house);
  await owner.goto(url);
  await expect(owner.getByText("asks you to connect this mailbox")).toBeVisible();
  await expect(owner.getByText(`Send mail as ${ben.address}.`)).toBeVisible();
  await expect(owner.getByText(`localhost:${house.lab.ports.imaps}`)).toBeVisible();
  await looks(owner, "owner-connect");
  await owner.getByRole("button", { name: "Connect mailbox" }).click();
  await expect(owner.getByText("Enter the password.")).toBeVisible();
  await owner.getByLabel("Password", { exact: true }).fill("not the right one");
  await owner.getByRole("button", { name: "Connect mailbox" }).click();
  await expect(owner.getByRole("alert")).toBeVisible();
  await expect(owner.getByText("Login refused").first()).toBeVisible();
  await looks(owner, "owner-connect-refused");
  await owner.getByLabel("Password", { exact: true }).fill(ben.password);
  await owner.getByRole("button", { name: "Connect mailbox" }).click();
  await expect(owner.getByText("Connected. You can close this page.")).toBeVisible();
  await looks(owner, "owner-connected");
  await owner.reload();
  await expect(owner.getByText("This link was used already")).toBeVisible();

  // The maker's page hears of it by itself.
  await expect(page.getByRole("button", { name: `Revoke the link for ${ben.address}` })).toHaveCount(0);
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Connected");
  await owner.context().close();
});

test("an account whose password was changed: asked by the menu, revoked, asked again, and its owner mends it", async ({
  page,
  house,
  browser,
}) => {
  const ben = await house.lab.addUser("ben");
  house.secrets.add("changed by Ben");
  const id = await connect(page, house, ben, "Ben Kim");
  await untilLive(page, id);
  await house.lab.changePassword(ben, "changed by Ben");
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Reconnect required");
  await choose(page, ben.address, "Ask the owner");
  await page.getByRole("button", { name: "Make link" }).click();
  const revoked = await linkOn(page);
  await looks(page, "owner-ask");
  await page.getByRole("button", { name: `Revoke the link for ${ben.address}` }).click();
  await expect(page.getByText(`The link for ${ben.address} is revoked.`)).toBeVisible();

  const owner = await stranger(browser, house);
  await owner.goto(revoked);
  await expect(owner.getByText("This link was revoked")).toBeVisible();
  await page.goto(`/accounts/${id}/reconnect`);
  await page.getByRole("link", { name: "Ask the mailbox's owner" }).click();
  await page.getByRole("button", { name: "Make link" }).click();
  await owner.goto(await linkOn(page));
  await expect(owner.getByText("where it was connected before")).toBeVisible();
  await owner.getByLabel("Password", { exact: true }).fill("changed by Ben");
  await owner.getByRole("button", { name: "Connect mailbox" }).click();
  await expect(owner.getByText("Connected. You can close this page.")).toBeVisible();
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Connected");
  await owner.context().close();
});

test("the owner signs in at the provider and comes back; somebody else's sign-in connects nothing", async ({
  page,
  house,
  browser,
}) => {
  const ben = await house.lab.addUser("ben");
  const cleo = await house.lab.addUser("cleo");
  await page.goto("/accounts/add/owner");
  await page.getByRole("combobox", { name: "Where the mailbox lives" }).click();
  await page.getByRole("option", { name: "Gmail, by signing in at Google" }).click();
  await page.getByLabel("Email address").fill(ben.address);
  await page.getByLabel("Display name").fill("Ben Kim");
  await page.getByRole("button", { name: "Make link" }).click();
  const url = await linkOn(page);

  const owner = await stranger(browser, house);
  await owner.goto(url);
  await expect(owner.getByText("What Google asks you to allow")).toBeVisible();
  await looks(owner, "owner-consent");
  await owner.getByRole("button", { name: "Sign in at Google" }).click();
  await allow(owner, cleo);
  await expect(owner.getByRole("alert")).toContainText("Another person signed in");
  await looks(owner, "owner-consent-failed");
  await forget(owner);
  await owner.getByRole("button", { name: "Begin again" }).click();
  await owner.getByRole("button", { name: "Sign in at Google" }).click();
  await allow(owner, ben);
  await expect(owner.getByText("Connected. You can close this page.")).toBeVisible();
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Gmail");
  await owner.context().close();
});
