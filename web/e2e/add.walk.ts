/** An address is all that most people know: its servers are searched for, and where that fails the form by hand is at hand. */
import { field, fillServer, rowOf } from "./support/forms";
import { asOwner, keepDefaults } from "./support/owner";
import { expect, test } from "./support/test";

test.beforeEach(({ page, house }) => asOwner(page, house));

test("an address of an unknown domain leads to the form by hand", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  house.secrets.add(ben.password);
  await page.goto("/accounts/add");
  await page.getByLabel("Email address").fill("ben@nowhere.invalid");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Posthouse's own table of providers")).toBeVisible();
  await expect(page.getByRole("alert")).toContainText("No servers were found.");
  await expect(page.getByText("Who takes the domain's mail")).toBeVisible();
  await page.getByRole("link", { name: "Enter the servers by hand" }).click();
  await expect(page.getByRole("heading", { name: "Connect a custom server" })).toBeVisible();
  await expect(page.getByLabel("Email address")).toHaveValue("ben@nowhere.invalid");
  await expect(field(page, "smtp", "username")).toHaveValue("ben@nowhere.invalid");

  // What was carried over is no more than a beginning.
  await page.getByLabel("Email address").fill(ben.address);
  await expect(field(page, "smtp", "username")).toHaveValue(ben.address);
  await page.getByLabel("Display name").fill("Ben Kim");
  await fillServer(page, "smtp", { host: "localhost", port: house.lab.ports.submission });
  await fillServer(page, "imap", { host: "localhost", port: house.lab.ports.imaps });
  await field(page, "smtp", "password").fill(ben.password);
  await page.getByRole("button", { name: "Save account" }).click();
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});

test("an address of a known provider leads to its steps and servers", async ({ page }) => {
  await page.goto("/accounts/add");
  await page.getByLabel("Email address").fill("ben@icloud.com");
  await page.getByRole("button", { name: "Find servers" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("heading", { name: "Connect iCloud" })).toBeVisible();
  await expect(page.getByLabel("Display name")).toBeFocused();
  await expect(page.getByRole("link", { name: "account.apple.com" })).toHaveAttribute("rel", /noopener/);
  await page.getByText("Servers", { exact: true }).click();
  await expect(field(page, "imap", "username")).toHaveValue("ben");
  await expect(field(page, "smtp", "username")).toHaveValue("ben@icloud.com");
  // Another address, and the servers follow it.
  await page.getByLabel("Email address").fill("cleo@icloud.com");
  await expect(field(page, "imap", "username")).toHaveValue("cleo");
  await page.getByRole("button", { name: "Save account" }).click();
  await expect(page.getByRole("alert")).toContainText("2 things need your attention");
});

test("a mailbox is connected without a server to send", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  house.secrets.add(ben.password);
  await page.goto("/accounts/add");
  await page.getByRole("link", { name: /Other IMAP/ }).click();
  await expect(page.getByRole("heading", { name: "Connect a mailbox by IMAP" })).toBeVisible();
  await page.getByLabel("Email address").fill(ben.address);
  await page.getByLabel("Display name").fill("Ben Kim");
  await fillServer(page, "imap", { host: "localhost", port: house.lab.ports.imaps });
  await field(page, "imap", "password").fill(ben.password);
  await expect(page.getByRole("switch", { name: "Also send from this address" })).not.toBeChecked();
  await page.getByRole("button", { name: "Test connection" }).click();
  const panel = page.getByRole("region", { name: "Test connection" });
  await expect(panel.getByText("Receiving works.")).toBeVisible();
  await expect(panel.getByText("Outgoing (SMTP)")).toHaveCount(0);
  await page.getByRole("button", { name: "Save account" }).click();
  await keepDefaults(page);
  await expect(rowOf(page, ben.address)).toContainText("Connected");
  await expect(rowOf(page, ben.address)).toContainText("Other IMAP");
});
