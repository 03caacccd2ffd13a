/** A script that cannot be fetched takes nothing away: not the page, and not what was typed. */
import { choose, rowOf } from "./support/forms";
import { asOwner, connect } from "./support/owner";
import { expect, test } from "./support/test";

test.use({ breaks: true });

test("the server is away when a page is opened for the first time", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await asOwner(page, house);
  await connect(page, house, ben, "Ben Kim");
  // Only pages that nobody opened yet are missing: all others are in the browser already.
  await page.route(/\/assets\/accounts\.add/, (route) => route.abort());
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Connected");
  await choose(page, ben.address, "Send email");
  const panel = page.getByRole("dialog", { name: "Send email" });
  await panel.getByLabel("Subject").fill("A draft");
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Keep writing" }).click();
  await page.getByRole("link", { name: "Connect email" }).focus();
  await page.getByRole("link", { name: "Connect email" }).press("Enter");
  await expect(page.getByRole("heading", { name: "This page could not be shown" })).toBeVisible();
  await expect(panel.getByLabel("Subject")).toHaveValue("A draft");

  await page.unroute(/\/assets\/accounts\.add/);
  // The panel with the draft lies above it.
  await page.getByRole("button", { name: "Try again" }).press("Enter");
  await expect(page.getByRole("link", { name: /Custom SMTP/ })).toBeVisible();
  await expect(panel.getByLabel("Subject")).toHaveValue("A draft");
  expect(await page.evaluate(() => "sameDocument" in window), "the page was not loaded anew").toBe(true);
});
