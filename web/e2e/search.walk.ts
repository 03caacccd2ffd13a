/** Searching mail: in one account and in all, by keyboard, to a message and back to the same place. */
import { look } from "./support/look";
import { plain } from "./support/mails";
import { asOwner, connect, untilLive } from "./support/owner";
import { expect, test } from "./support/test";

test("search, open, come back", async ({ page, house }) => {
  const { lab } = house;
  const ana = await lab.addUser("ana");
  const ben = await lab.addUser("ben");
  await lab.deliver(
    ana,
    plain("Your quote for spring", "Grüße aus München,\n\nthe offer is attached.\n\nCleo"),
  );
  await lab.deliver(ana, plain("Lunch on Thursday?", "Hi Ana,\n\nare you free on Thursday?\n\nCleo"));
  await lab.deliver(ben, plain("Another quote", "Hello Ben."));
  await asOwner(page, house);
  const id = await connect(page, house, ana, "Ana Diaz");
  const second = await connect(page, house, ben, "Ben Kim");
  await untilLive(page, id);
  await untilLive(page, second);

  await page.goto(`/accounts/${id}/mail`);
  await expect(page.getByRole("link", { name: /Lunch on Thursday/ })).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type("munchen");
  const hit = page.getByRole("link", { name: /Your quote for spring/ });
  await expect(hit.locator("mark")).toHaveText("München");
  await expect(page.getByRole("link", { name: /Lunch on Thursday/ })).toHaveCount(0);
  await expect(page).toHaveURL(/q=munchen/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("article", { name: "Your quote for spring" })).toBeVisible();
  await page.keyboard.press("u");
  await expect(page).toHaveURL(/mail\?q=munchen$/);

  await page.keyboard.press("Control+k");
  await page.keyboard.type("munchen");
  await expect(page.getByText("Search all mail for “munchen”")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/search\?q=munchen$/);
  await expect(page.getByRole("searchbox", { name: "Search all mail" })).toHaveValue("munchen");
  // Keys that come before the script of the palette does are meant for it.
  await page.route("**/assets/Palette-*.js", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await route.continue();
  });
  await page.goto("/accounts");
  await expect(page.getByRole("heading", { name: "Accounts" })).toBeVisible();

  await page.keyboard.press("Control+k");
  await page.keyboard.type("search all");
  await expect(page.getByRole("textbox", { name: "Find an account or a command" })).toHaveValue("search all");
  await page.keyboard.press("Enter");
  const field = page.getByRole("searchbox", { name: "Search all mail" });
  await expect(field).toBeFocused();
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/search");
    await expect(page.getByText("has:attachment")).toBeVisible();
    await look(page, "search-empty");
    await field.fill("quote");
    await expect(page.getByRole("link", { name: /quote/ })).toHaveCount(2);
    await look(page, "search-all");
    await page.getByRole("link", { name: /Another quote/ }).click();
    await expect(page.getByRole("article", { name: "Another quote" })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page).toHaveURL(/\/search\?q=quote$/);
    await expect(page.locator("a[data-marked]")).toContainText("Another quote");
    await field.fill("nothing of this");
    await expect(page.getByText("Nothing found")).toBeVisible();
    await look(page, "search-nothing");
    await page.goto(`/accounts/${id}/mail?q=munchen`);
    await expect(hit.locator("mark")).toBeVisible();
    await look(page, "search-account");
  }
});

test("more hits than fit are scrolled through, by wheel and by key", async ({ page, house }) => {
  const { lab } = house;
  const ana = await lab.addUser("ana");
  for (let n = 0; n < 40; n += 1) await lab.deliver(ana, plain(`Extra ${n}`, "One of many."));
  await asOwner(page, house);
  await untilLive(page, await connect(page, house, ana, "Ana Diaz"));
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/search?q=extra");
    const list = page.getByRole("list", { name: "Messages found, newest first" });
    await list.hover({ position: { x: 200, y: 200 } });
    await page.mouse.wheel(0, 600);
    await expect.poll(() => list.evaluate((each) => each.parentElement?.scrollTop)).toBe(600);
    for (let n = 0; n < 25; n += 1) await page.keyboard.press("j");
    await expect(page.locator("a[data-marked]")).toBeInViewport();
    await page.keyboard.press("x");
    await expect(page.getByRole("region", { name: "Selected messages" })).toBeInViewport();
    await look(page, "search-many");
    await page.keyboard.press("Escape");
  }
});
