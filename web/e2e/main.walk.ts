/** From the first start to the deletion of an account: what Posthouse is for, once through. */
import type { Page } from "@playwright/test";
import { choose, field, fillServer, rowOf } from "./support/forms";
import { PICTURE } from "./support/images";
import type { Mailbox } from "./support/lab";
import { hostile, plain } from "./support/mails";
import { keepDefaults, OWNER } from "./support/owner";
import { expect, type House, test } from "./support/test";

test("set up, connect, read, send, reconnect, delete", async ({ page, house }) => {
  const ana = await house.lab.addUser("ana");
  const ben = await house.lab.addUser("ben");
  house.secrets.add(OWNER.password).add(ana.password).add(ben.password).add("a new password");

  await test.step("the printed link leads to the owner's form and to an empty list", () =>
    setUp(page, house));
  await test.step("an account is tested step by step and saved", () => add(page, house, ana));
  const id = await test.step("new mail appears by itself", () => receive(page, house, ana));
  await test.step("a hostile mail is shown without doing anything", () => readSafely(page, house));
  await test.step("a message is sent once", () => send(page, house, ana, ben));
  await test.step("a changed password asks for a reconnection", () => lose(page, house, ana));
  await test.step("the new password brings the same account back", () => reconnect(page, house, ana, id));
  await test.step("deleting takes it away", () => remove(page, house, ana, id));
});

async function setUp(page: Page, { posthouse }: House): Promise<void> {
  await page.goto(posthouse.link);
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("Email").fill(OWNER.email);
  await page.getByLabel("Password", { exact: true }).fill(OWNER.password);
  await page.getByLabel("Workspace name").fill("Acme");
  await page.getByRole("button", { name: "Create workspace" }).click();
  await expect(page).toHaveURL(`${posthouse.url}/accounts`);
  await expect(page.getByRole("heading", { name: "No account is connected yet" })).toBeVisible();
  // The link has done its work.
  const again = { token: posthouse.token, ...OWNER, workspace_name: "Other", time_zone: "UTC" };
  expect((await page.request.post("/api/v1/setup", { data: again })).status()).toBe(403);
}

async function add(page: Page, { imapGate, smtpGate }: House, ana: Mailbox): Promise<void> {
  await page.getByRole("link", { name: "Connect email" }).first().click();
  await page.getByRole("link", { name: /Custom SMTP/ }).click();
  await expect(page.getByRole("heading", { name: "Connect a custom server" })).toBeVisible();
  await page.getByLabel("Email address").fill(ana.address);
  await page.getByLabel("Display name").fill("Ana Diaz");
  await page.getByLabel("Provider name").fill("Old Host");
  await fillServer(page, "smtp", { host: "localhost", port: smtpGate.port });
  await fillServer(page, "imap", { host: "localhost", port: imapGate.port });
  await expect(field(page, "smtp", "username")).toHaveValue(ana.address);
  await field(page, "smtp", "password").fill(ana.password);

  imapGate.shut();
  smtpGate.shut();
  const panel = page.getByRole("region", { name: "Test connection" });
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(panel.getByText("Encrypting")).toBeVisible();
  await expect(panel.getByText("Name found")).toBeVisible();
  await expect(panel.getByText("Waiting: Greeting, Login, Folders")).toBeVisible();
  await expect(panel.getByText("Logged in")).toHaveCount(0);
  imapGate.open();
  await expect(panel.getByText("Folders listed")).toBeVisible();
  await expect(panel.getByText("Waiting for the greeting")).toBeVisible();
  await expect(panel.getByText("Logged in")).toHaveCount(1);
  smtpGate.open();
  await expect(panel.getByText("Sender accepted")).toBeVisible();
  await expect(panel.getByText("Receiving and sending work.")).toBeVisible();

  await page.getByRole("button", { name: "Save account" }).click();
  await keepDefaults(page);
  await expect(rowOf(page, ana.address)).toContainText("Connected");
  await expect(rowOf(page, ana.address)).toContainText("Old Host");
}

async function receive(page: Page, { lab, images }: House, ana: Mailbox): Promise<string> {
  await choose(page, ana.address, "Email list");
  await expect(page.getByRole("heading", { name: "No mail in the imported time" })).toBeVisible();
  await lab.deliver(ana, hostile("Your quote", images.url));
  await expect(page.getByRole("link", { name: /Unread.*Cleo Marsh.*Your quote/ })).toBeVisible();
  const id = page.url().match(/accounts\/([^/]+)\//)?.[1] ?? "";
  expect(id).not.toBe("");
  return id;
}

async function readSafely(page: Page, { posthouse, images }: House): Promise<void> {
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(posthouse.url)) elsewhere.push(request.url());
  });
  page.on("dialog", (dialog) => elsewhere.push(`dialog: ${dialog.message()}`));
  await page.getByRole("link", { name: /Your quote/ }).click();
  const frame = page.frameLocator("iframe");
  await expect(frame.getByText("Your quote is ready.")).toBeVisible();
  await expect(page.locator("iframe")).toHaveAttribute(
    "sandbox",
    "allow-popups allow-popups-to-escape-sandbox",
  );
  await frame.getByText("Open the quote").click();
  await expect(frame.locator("script, form, iframe, svg, meta[http-equiv=refresh]")).toHaveCount(0);
  await expect(frame.getByText("Your quote is ready.")).toBeVisible();
  expect(images.paths).toEqual([]);

  // The program fetches images, and never from its own network: a mail must not learn what answers there.
  const asked = page.waitForRequest(/\/api\/v1\/images\//);
  await page.getByRole("button", { name: "Show remote images" }).click();
  expect((await page.request.get((await asked).url())).status()).toBe(502);
  expect(images.paths).toEqual([]);

  // What it fetches elsewhere is shown in the frame.
  await page.getByRole("button", { name: "Hide remote images" }).click();
  await page.route(/\/api\/v1\/images\//, (route) => route.fulfill(PICTURE));
  await page.getByRole("button", { name: "Show remote images" }).click();
  const banner = frame.getByRole("img", { name: "Banner" });
  await expect.poll(() => banner.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1);
  expect(elsewhere, "asked of others by the browser").toEqual([]);
  await expect(page.getByRole("button", { name: "Mark as unread" })).toBeVisible();
}

async function send(page: Page, { lab }: House, ana: Mailbox, ben: Mailbox): Promise<void> {
  await page.getByRole("button", { name: "Send email" }).click();
  const panel = page.getByRole("dialog", { name: "Send email" });
  await panel.getByLabel("To").fill(`Ben <${ben.address}>`);
  await panel.getByLabel("Subject").fill("Grüße aus Köln");
  await panel.getByLabel("Message").fill("Hello Ben,\n\nsee you on Monday.\n");
  await panel.getByRole("button", { name: "Send", exact: true }).click();
  await expect(panel).toHaveCount(0);
  await page.getByRole("link", { name: "Show in outbox" }).click();
  const entry = page.getByRole("article").filter({ hasText: "Grüße aus Köln" });
  await expect(entry).toContainText("Sent");
  await expect(entry).toContainText(ben.address);
  await expect(entry).toContainText("Accepted");
  await expect(entry).toContainText("A copy was filed in the Sent folder.");
  await expect.poll(() => lab.messages(ben).then((all) => all.length)).toBe(1);
  const [arrived = ""] = await lab.messages(ben);
  expect(arrived).toContain(ana.address);
  expect(arrived).toContain("see you on Monday.");
  expect(await lab.messages(ana, "Sent")).toHaveLength(1);
}

async function lose(page: Page, { lab }: House, ana: Mailbox): Promise<void> {
  await page.getByRole("link", { name: "Accounts", exact: true }).first().click();
  const row = rowOf(page, ana.address);
  await expect(row).toContainText("Connected");
  await lab.changePassword(ana, "a new password");
  await expect(row).toContainText("Reconnect required");
  await expect(row).toContainText("login refused");
  await expect(page.getByText("1 needs you")).toBeVisible();
}

async function reconnect(page: Page, { lab }: House, ana: Mailbox, id: string): Promise<void> {
  await choose(page, ana.address, "Reconnect");
  await expect(page.getByLabel("Email address")).not.toBeEditable();
  await expect(page.getByRole("code").getByText("Authentication failed.")).toBeVisible();
  await field(page, "smtp", "password").fill("a new password");
  await page.getByRole("button", { name: "Reconnect", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/accounts/${id}/settings$`));
  await expect(page.getByText("Reconnect required")).toHaveCount(0);
  await page.getByRole("link", { name: "Accounts", exact: true }).first().click();
  await expect(rowOf(page, ana.address)).toContainText("Connected");
  await lab.deliver(ana, plain("After the break"));
  await choose(page, ana.address, "Email list");
  await expect(page).toHaveURL(new RegExp(`/accounts/${id}/mail$`));
  await expect(page.getByRole("link", { name: /After the break/ })).toBeVisible();
  await expect(page.getByRole("link", { name: /Your quote/ })).toBeVisible();
}

async function remove(page: Page, { lab }: House, ana: Mailbox, id: string): Promise<void> {
  await page.getByRole("link", { name: "Accounts", exact: true }).first().click();
  await choose(page, ana.address, "Delete");
  const dialog = page.getByRole("dialog", { name: `Delete ${ana.address}` });
  await expect(dialog.getByText(/^3 messages \(/)).toBeVisible();
  const button = dialog.getByRole("button", { name: "Delete account" });
  await dialog.getByRole("textbox").fill("ana@elsewhere.test");
  await expect(button).toBeDisabled();
  await dialog.getByRole("textbox").fill(ana.address);
  await button.click();
  await expect(page.getByRole("heading", { name: "No account is connected yet" })).toBeVisible();
  expect((await page.request.get(`/api/v1/accounts/${id}`)).status()).toBe(404);
  // Nothing is deleted on the mail server.
  expect(await lab.messages(ana)).toHaveLength(2);
}
