/** The bell: an outage that lasts is told once, its end once, to eyes, ears and by mail; and what was read stays read. */
import { rowOf } from "./support/forms";
import { asOwner, connect, untilLive } from "./support/owner";
import { expect, test } from "./support/test";

// An outage of half a second is long enough to be told here.
test.use({ settings: { POSTHOUSE_NOTICES__AFTER_MS: "500" } });

test("a refused password is told under the bell and by mail, and that it works again too", async ({
  page,
  house,
}) => {
  const { lab } = house;
  const ben = await lab.addUser("ben");
  const sales = await lab.addUser("sales");
  const ana = await lab.addUser("ana");
  await asOwner(page, house, ana.address);
  const id = await connect(page, house, ben, "Ben Kim");
  await connect(page, house, sales, "Acme Sales");
  await untilLive(page, id);

  await page.goto("/accounts");
  await page.getByRole("button", { name: "Notifications", exact: true }).click();
  const panel = page.getByRole("dialog", { name: "Notifications" });
  await expect(panel.getByText("Nothing to tell")).toBeVisible();
  await panel.getByRole("link", { name: "Notification settings" }).click();
  await expect(page).toHaveURL(/settings\/notifications/);
  await expect(panel).toBeHidden();
  await expect(page.getByText("Nobody. Notices are shown under the bell only.")).toBeVisible();
  await page.getByRole("combobox", { name: "Account for system mail" }).fill("sales");
  await page.getByRole("option", { name: sales.address }).click();
  await page.getByRole("button", { name: "Use this account" }).click();
  await expect(page.getByText(`The account ${sales.address}.`)).toBeVisible();

  house.secrets.add("changed by Ben");
  await lab.changePassword(ben, "changed by Ben");
  const bell = page.getByRole("button", { name: "Notifications, 1 unread" });
  await expect(bell).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("status").filter({ hasText: "1 unread notification." })).toBeAttached();
  await page.keyboard.press("n");
  const title = panel.getByRole("link", { name: `${ben.address} needs to be reconnected` });
  await expect(title).toBeVisible();
  await panel.getByRole("button", { name: "Mark all read" }).click();
  await expect(page.getByRole("button", { name: "Notifications", exact: true })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(panel).toBeHidden();
  await expect(page.getByRole("button", { name: "Notifications", exact: true })).toBeFocused();
  await expect.poll(() => lab.messages(ana).then((all) => all.length), { timeout: 30_000 }).toBe(1);

  await page.keyboard.press("Enter");
  await title.click();
  await expect(page).toHaveURL(new RegExp(`accounts/${id}/settings`));
  const login = { host: "localhost", username: ben.address, password: "changed by Ben" };
  const reconnected = await page.request.post(`/api/v1/accounts/${id}/reconnect`, {
    data: {
      smtp: { ...login, port: lab.ports.submission, encryption: "starttls" },
      imap: { ...login, port: lab.ports.imaps, encryption: "tls" },
    },
  });
  expect(reconnected.ok(), await reconnected.text()).toBe(true);
  await expect(bell).toBeVisible({ timeout: 30_000 });
  await bell.click();
  await expect(panel.getByRole("article")).toHaveCount(2);
  await expect(panel.getByRole("link", { name: `${ben.address} works again` })).toBeVisible();
  await expect.poll(() => lab.messages(ana).then((all) => all.length), { timeout: 30_000 }).toBe(2);
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});
