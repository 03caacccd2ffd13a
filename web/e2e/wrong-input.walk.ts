/** Everything that can be typed wrongly is named at its step, in the server's words; nothing is saved, nothing typed is lost. */
import type { Locator, Page } from "@playwright/test";
import { field, fillServer, rowOf } from "./support/forms";
import type { Mailbox } from "./support/lab";
import { asOwner, connect, keepDefaults } from "./support/owner";
import { expect, type House, test } from "./support/test";

/** The form, filled rightly. */
async function fill(page: Page, { lab, secrets }: House, mailbox: Mailbox): Promise<void> {
  secrets.add(mailbox.password).add("not the password");
  await page.goto("/accounts/add/custom");
  await page.getByLabel("Email address").fill(mailbox.address);
  await page.getByLabel("Display name").fill("Ben Kim");
  await fillServer(page, "smtp", { host: "localhost", port: lab.ports.submission });
  await fillServer(page, "imap", { host: "localhost", port: lab.ports.imaps });
  await field(page, "smtp", "password").fill(mailbox.password);
}

/** The line of the step that failed. */
async function save(page: Page, timeout?: number): Promise<Locator> {
  await page.getByRole("button", { name: "Save account" }).click();
  const panel = page.getByRole("region", { name: "Test connection" });
  await expect(panel.getByRole("alert")).toContainText("Everything you typed is kept", { timeout });
  return panel.locator("li[data-status=failed]");
}

async function accounts(page: Page): Promise<number> {
  const answer = await page.request.get("/api/v1/accounts");
  return ((await answer.json()) as { total: number }).total;
}

test.beforeEach(({ page, house }) => asOwner(page, house));

test("a wrong password", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, house, ben);
  await field(page, "smtp", "password").fill("not the password");
  const failed = await save(page);
  await expect(failed).toContainText(["Login refused", "Login refused"]);
  await expect(failed).toContainText(["What to do:", "What to do:"]);
  await expect(failed.getByRole("code").first()).toHaveText("Authentication failed.");
  await expect(failed.getByRole("code").last()).toContainText("535 5.7.8");
  await expect(field(page, "smtp", "password")).toHaveValue("not the password");
  await expect(page.getByLabel("Email address")).toHaveValue(ben.address);
  await expect(page.getByLabel("Display name")).toHaveValue("Ben Kim");
  expect(await accounts(page)).toBe(0);

  await field(page, "smtp", "password").fill(ben.password);
  await page.getByRole("button", { name: "Save account" }).click();
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});

test("a password that only the outgoing server refuses", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, house, ben);
  await page.getByLabel("Same login as the outgoing server").uncheck();
  await field(page, "imap", "username").fill(ben.address);
  await field(page, "imap", "password").fill(ben.password);
  await field(page, "smtp", "password").fill("not the password");
  const failed = await save(page);
  await expect(failed).toContainText("Login refused");
  await expect(failed.getByRole("code")).toContainText("535");
  await expect(page.getByText("Folders listed")).toBeVisible();
  await expect(field(page, "imap", "password")).toHaveValue(ben.password);
  expect(await accounts(page)).toBe(0);
});

test("a name that does not exist", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, house, ben);
  await fillServer(page, "imap", { host: "mail.nowhere.invalid", port: 993 });
  const failed = await save(page);
  await expect(failed).toContainText("Name not found");
  await expect(failed).toContainText("What to do:");
  await expect(field(page, "imap", "host")).toHaveValue("mail.nowhere.invalid");
  expect(await accounts(page)).toBe(0);
});

test("TLS on a plain port", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, house, ben);
  await fillServer(page, "imap", { host: "localhost", port: house.lab.ports.imap });
  const failed = await save(page);
  await expect(failed).toContainText("Encryption failed");
  await expect(failed).toContainText("What to do:");
  await expect(failed).toContainText("STARTTLS");
  await expect(field(page, "imap", "port")).toHaveValue(String(house.lab.ports.imap));
  expect(await accounts(page)).toBe(0);
});

test("STARTTLS on a TLS port", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await fill(page, house, ben);
  await fillServer(page, "smtp", { host: "localhost", port: house.lab.ports.smtps });
  // Such a server is silent: it waits for a handshake. Only after a while that is clear.
  const failed = await save(page, 30_000);
  await expect(failed).toContainText("No proper greeting");
  await expect(failed).toContainText("What to do:");
  expect(await accounts(page)).toBe(0);
});

test("nothing typed at all, and an address that is there already", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await connect(page, house, ben, "Ben Kim");
  await page.goto("/accounts/add/custom");
  await page.getByRole("button", { name: "Save account" }).click();
  const summary = page.getByRole("alert");
  await expect(summary).toContainText("things need your attention");
  await summary.getByText("Enter the whole email address").click();
  await expect(page.getByLabel("Email address")).toBeFocused();

  await fill(page, house, ben);
  await page.getByRole("button", { name: "Save account" }).click();
  await expect(page.getByRole("alert").first()).toContainText("already");
  await expect(field(page, "smtp", "password")).toHaveValue(ben.password);
  expect(await accounts(page)).toBe(1);
});
