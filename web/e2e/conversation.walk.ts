/** A long conversation is read by keyboard: from the newest to the older ones and back. No test here touches the mouse. */
import type { Locator, Page } from "@playwright/test";
import { findings } from "./support/accessible";
import { chain } from "./support/mails";
import { asOwner, connect } from "./support/owner";
import { expect, test } from "./support/test";

/** Presses Tab, or Shift+Tab, until this has the focus. */
async function tabTo(page: Page, target: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`${key} does not reach ${target}`);
}

test("older messages of a conversation are shown, opened and left by keyboard", async ({ page, house }) => {
  const { lab } = house;
  const ben = await lab.addUser("ben");
  await asOwner(page, house);
  const id = await connect(page, house, ben, "Ben Kim");
  await page.goto(`/accounts/${id}/mail`);
  const row = page.getByRole("link", { name: /Offer for May/ });
  for (const [at, raw] of chain("Offer for May", 6).entries()) {
    await lab.deliver(ben, raw);
    // One after the other: mail of one second has no order.
    if (at > 0) await expect(row).toContainText(`${at + 1} messages`);
    else await expect(row).toBeVisible();
  }
  // All are unread: the newest of them is what opens.
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const open = page.getByRole("article");
  const earlier = page.getByRole("region", { name: "Earlier in this conversation" });
  const later = page.getByRole("region", { name: "Later in this conversation" });
  const words = (of: Locator, n: number) => of.getByText(`These are the words of letter ${n}.`);

  await test.step("the three before it stand above it, the others behind a button", async () => {
    await expect(words(open, 6)).toBeVisible();
    await expect(later).toHaveCount(0);
    await expect(earlier.getByRole("link")).toHaveCount(3);
    await tabTo(page, earlier.getByRole("button", { name: "Show 2 earlier messages" }), "Shift+Tab");
    await page.keyboard.press("Enter");
    await expect(earlier.getByRole("link")).toHaveCount(5);
    expect(await findings(page)).toEqual([]);
  });

  await test.step("the oldest is opened, and what came after it stands below", async () => {
    await tabTo(page, earlier.getByRole("link", { name: /words of letter 1/ }));
    await page.keyboard.press("Enter");
    await expect(words(open, 1)).toBeVisible();
    await expect(earlier).toHaveCount(0);
    await expect(later.getByRole("link")).toHaveCount(3);
    // What was read on the way is read, the four between are not.
    await expect(row.getByRole("img", { name: "4 unread" })).toBeVisible();
  });

  await test.step("from there a later one, and back to the list where it was", async () => {
    await tabTo(page, later.getByRole("link", { name: /words of letter 2/ }));
    await page.keyboard.press("Enter");
    await expect(words(open, 2)).toBeVisible();
    await expect(earlier.getByRole("link")).toHaveCount(1);
    await page.keyboard.press("u");
    await expect(page).toHaveURL(new RegExp(`/accounts/${id}/mail$`));
    await expect(row).toHaveAttribute("data-marked");
  });
});
