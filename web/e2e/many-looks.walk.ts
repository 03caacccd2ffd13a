/** The page of many accounts in all its states, light and dark, on a large and on a small screen. */
import { Imports } from "./support/imports";
import { eachWidth, look } from "./support/look";
import { asOwner } from "./support/owner";
import { expect, test } from "./support/test";

eachWidth(() => {
  test.use({ breaks: true });
  test("many accounts", async ({ page, house }) => {
    test.slow();
    await asOwner(page, house);
    const imports = await Imports.on(page);
    const show = async (state: Imports["state"], text: string | RegExp) => {
      imports.state = state;
      await page.goto("/accounts/add/many");
      await expect(page.getByText(text).first()).toBeVisible();
    };
    await show("none", "Drop a CSV file here");
    await page.getByText("The columns", { exact: true }).click();
    await look(page, "many");
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    await look(page, "many-columns");
    await show("one", "Test 1 row");
    await look(page, "many-one");
    await show("mixed", "Servers to confirm");
    await look(page, "many-mixed");
    await page.getByRole("list", { name: "Rows of the file" }).scrollIntoViewIfNeeded();
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    await look(page, "many-mixed-rows");
    await show("working", "Testing: 412 of 1,000 rows");
    await look(page, "many-working");
    await show("ended", /The passwords are erased/);
    await look(page, "many-ended");
    await show("thousand", "Connect the 888 that passed");
    await expect(page.getByText("box2@old.test")).toBeVisible();
    await look(page, "many-thousand");
    expect(
      await page.getByRole("list", { name: "Rows of the file" }).getByRole("listitem").count(),
    ).toBeLessThan(60);
    await show("fails", /could not be loaded/);
    await look(page, "many-broken");
    imports.state = "holds";
    await page.goto("/accounts/add/many");
    await expect(page.getByRole("status", { name: "Loading your imports" })).toBeVisible();
    await look(page, "many-waiting");
  });
});
