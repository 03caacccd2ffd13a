/** The list of accounts at the widths that a zoomed page has: names can be read. */
import { rowOf } from "./support/forms";
import { look } from "./support/look";
import { asOwner, connect } from "./support/owner";
import { expect, test } from "./support/test";

/** 1280 at 200 % is 640; those above have the sidebar beside the list. */
const WIDTHS = [320, 640, 768, 900, 1023, 1024, 1239, 1240];
/** As much of a name as tells accounts apart. */
const READABLE = 180;

test("the list has room for names at every zoom", async ({ page, house }) => {
  const ana = await house.lab.addUser("ana.maria.diaz.of.sales");
  await asOwner(page, house);
  await connect(page, house, ana, "Ana Maria Diaz of sales in the north");
  await page.goto("/accounts");
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    const cell = rowOf(page, ana.address)
      .getByRole("link", { name: /Ana Maria/ })
      .locator("xpath=..");
    await expect
      .poll(async () => (await cell.boundingBox())?.width ?? 0, `${width} wide`)
      .toBeGreaterThanOrEqual(READABLE);
    await expect(rowOf(page, ana.address)).toContainText("Connected");
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(over, `${width} wide is wider than the screen`).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize({ width: 640, height: 800 });
  await look(page, "accounts-zoomed");
  await page.setViewportSize({ width: 900, height: 800 });
  await look(page, "accounts-middle");
});
