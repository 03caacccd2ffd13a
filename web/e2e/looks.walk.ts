/** Every page and dialog, light and dark, on a large and on a small screen: axe finds nothing serious, and a picture is kept. */
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { findings } from "./support/accessible";
import { choose, field, fillServer, rowOf } from "./support/forms";
import type { Mailbox } from "./support/lab";
import { hostile, plain } from "./support/mails";
import { asOwner, connect, untilLive } from "./support/owner";
import { expect, type House, test } from "./support/test";

const PICTURES = join(import.meta.dirname, ".output/screenshots");

/** Looks at the page as it is now, in both colour schemes. */
async function look(page: Page, name: string): Promise<void> {
  const { width = 0 } = page.viewportSize() ?? {};
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
    const path = join(PICTURES, `${name}-${colorScheme}-${width}.png`);
    await page.screenshot({ path, animations: "disabled" });
    expect.soft(await findings(page), `${name}, ${colorScheme}, ${width} wide`).toEqual([]);
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect.soft(overflow, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
}

interface World {
  ana: { mailbox: Mailbox; id: string };
  chloe: { mailbox: Mailbox; id: string };
}

/** Accounts in several states, with mail, and with messages of several fates. */
async function settle(page: Page, house: House): Promise<World> {
  const { lab } = house;
  const ana = await lab.addUser("ana.diaz");
  const sales = await lab.addUser("sales");
  const chloe = await lab.addUser("chloe.martin");
  await lab.deliver(ana, plain("Lunch on Thursday?", "Hi Ana,\n\nare you free on Thursday?\n\nCleo"));
  await lab.deliver(ana, hostile("Your quote", house.images.url));
  const id = await connect(page, house, ana, "Ana Diaz");
  await connect(page, house, sales, "Acme Sales", house.imapGate.port);
  const chloeId = await connect(page, house, chloe, "Chloé Martin");
  house.secrets.add("changed by Chloé");
  await untilLive(page, chloeId);
  await lab.changePassword(chloe, "changed by Chloé");
  for (const [to, subject] of [
    [sales.address, "Offer for your team"],
    ["reject.me@else.test", "Invoice 2026-114"],
    ["tempfail@else.test", "Minutes of Monday"],
  ]) {
    const answer = await page.request.post(`/api/v1/accounts/${id}/outgoing`, {
      headers: { "idempotency-key": crypto.randomUUID() },
      data: { to, subject, body: "Hello." },
    });
    expect(answer.status(), await answer.text()).toBe(202);
  }
  return { ana: { mailbox: ana, id }, chloe: { mailbox: chloe, id: chloeId } };
}

async function before(page: Page, { posthouse }: House): Promise<void> {
  await page.goto(posthouse.link);
  await expect(page.getByLabel("Your name")).toBeVisible();
  await look(page, "setup");
  await page.getByRole("button", { name: "Create workspace" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "setup-errors");
}

async function signIn(page: Page, house: House): Promise<void> {
  await asOwner(page, house);
  const { cookies } = await page.context().storageState();
  await page.context().clearCookies();
  await page.goto("/sign-in");
  await expect(page.getByLabel("Email")).toBeVisible();
  await look(page, "sign-in");
  await page.context().addCookies(cookies);
  await page.goto("/accounts");
  await expect(page.getByRole("heading", { name: "No account is connected yet" })).toBeVisible();
  await look(page, "accounts-empty");
}

async function list(page: Page, { imapGate }: House, { ana, chloe }: World): Promise<void> {
  imapGate.close();
  await page.goto("/accounts");
  await expect(rowOf(page, ana.mailbox.address)).toContainText("Connected");
  await expect(rowOf(page, chloe.mailbox.address)).toContainText("Reconnect required");
  await expect(rowOf(page, "sales")).toContainText("Disconnected");
  await look(page, "accounts");
  await page.getByRole("button", { name: `Actions for ${chloe.mailbox.address}` }).click();
  await expect(page.getByRole("menuitem", { name: "Delete" })).toBeVisible();
  await look(page, "account-menu");
  await page.keyboard.press("Escape");
  await choose(page, ana.mailbox.address, "Delete");
  await expect(page.getByRole("dialog").getByText(/messages? in/)).toBeVisible();
  await look(page, "delete");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await look(page, "shortcuts");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog", { name: "Find and do" }).getByRole("textbox")).toBeFocused();
  await look(page, "palette");
  await page.goto("/accounts?search=nobody");
  await expect(page.getByRole("heading", { name: "No account matches" })).toBeVisible();
  await look(page, "accounts-no-match");
}

async function add(page: Page, { lab, imapGate }: House, { ana }: World): Promise<void> {
  await page.goto("/accounts/add");
  await expect(page.getByRole("link", { name: /Custom SMTP/ })).toBeVisible();
  await look(page, "add");
  await page.goto("/accounts/add/custom");
  await page.getByLabel("Email address").fill("ben.kim@lab.test");
  await page.getByLabel("Display name").fill("Ben Kim");
  await fillServer(page, "smtp", { host: "localhost", port: lab.ports.submission });
  await fillServer(page, "imap", { host: "localhost", port: imapGate.port });
  await look(page, "add-custom");
  await page.getByRole("button", { name: "Save account" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "add-custom-errors");
  await field(page, "smtp", "password").fill("not the password");
  imapGate.shut();
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("Encrypting")).toBeVisible();
  await look(page, "add-custom-running");
  imapGate.open();
  await expect(page.getByText("The steps marked above failed.")).toBeVisible();
  await look(page, "add-custom-failed");
  await field(page, "smtp", "username").fill(ana.mailbox.address);
  await field(page, "smtp", "password").fill(ana.mailbox.password);
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("Receiving and sending work.")).toBeVisible();
  await look(page, "add-custom-passed");
}

async function account(page: Page, { ana, chloe }: World): Promise<void> {
  await page.goto(`/accounts/${ana.id}/mail`);
  await page
    .getByRole("link", { name: /Your quote/ })
    .first()
    .click();
  await expect(page.frameLocator("iframe").getByText("Your quote is ready.")).toBeVisible();
  await look(page, "message");
  await page.goto(`/accounts/${ana.id}/mail`);
  await expect(page.getByRole("link", { name: /Lunch on Thursday/ })).toBeVisible();
  await look(page, "mail");
  await page.goto(`/accounts/${ana.id}/outbox`);
  await expect(page.getByRole("article").filter({ hasText: "Offer for your team" })).toContainText("Sent");
  await expect(page.getByRole("article").filter({ hasText: "Invoice" })).toContainText("Failed");
  await expect(page.getByRole("article").filter({ hasText: "Minutes" })).toContainText("Next attempt");
  await look(page, "outbox");
  await page.goto(`/accounts/${chloe.id}/settings`);
  await expect(page.getByText("Reconnect required").first()).toBeVisible();
  await look(page, "settings");
  await page.goto(`/accounts/${chloe.id}/reconnect`);
  await expect(page.getByRole("heading", { name: "Reconnect", exact: true })).toBeVisible();
  await look(page, "reconnect");
  await page.goto(`/accounts/${ana.id}/mail`);
  await page.getByRole("button", { name: "Send email" }).click();
  const panel = page.getByRole("dialog", { name: "Send email" });
  await panel.getByRole("button", { name: "Send", exact: true }).click();
  await expect(panel.getByRole("alert")).toBeVisible();
  await look(page, "send-errors");
  await panel.getByLabel("To").fill("Ben Kim <ben@else.test>");
  await panel.getByLabel("Subject").fill("Offer for your team");
  await look(page, "send");
  await panel.getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("dialog", { name: "Discard this message?" })).toBeVisible();
  await look(page, "send-discard");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.goto("/accounts/00000000-0000-7000-8000-000000000000/mail");
  await expect(page.locator("main").getByRole("heading").first()).toBeVisible();
  await look(page, "not-found");
}

for (const viewport of [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
]) {
  test.describe(`${viewport.width} wide`, () => {
    test.use({ viewport });
    test("every page and dialog", async ({ page, house }) => {
      test.slow();
      await test.step("before signing in", () => before(page, house));
      await test.step("signing in, and nothing there yet", () => signIn(page, house));
      const world = await settle(page, house);
      await test.step("connecting", () => add(page, house, world));
      await test.step("the list and what opens on it", () => list(page, house, world));
      await test.step("one account", () => account(page, world));
    });
  });
}
