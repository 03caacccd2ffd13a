/** Everything by keyboard: no test here touches the mouse. */
import type { Page } from "@playwright/test";
import { plain } from "./support/mails";
import { asOwner, connect, OWNER } from "./support/owner";
import { expect, test } from "./support/test";

/** Presses Tab until the element with this role and name has the focus. */
async function tabTo(page: Page, role: "button" | "link" | "textbox", name: string | RegExp): Promise<void> {
  const target = page.getByRole(role, { name, exact: true });
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`Tab does not reach the ${role} “${name}”`);
}

test("sign in, walk the lists, read, write, find", async ({ page, house }) => {
  const { lab } = house;
  const ana = await lab.addUser("ana");
  const ben = await lab.addUser("ben");
  await asOwner(page, house);
  await connect(page, house, ana, "Ana Diaz");
  await connect(page, house, ben, "Ben Kim");
  await lab.deliver(ben, plain("First letter"));
  await lab.deliver(ben, plain("Second letter"));
  await page.context().clearCookies();

  await test.step("sign in, and come to the page that was asked for", async () => {
    await page.goto("/accounts?sort=address");
    await expect(page).toHaveURL(/sign-in/);
    await expect(page.getByLabel("Email")).toBeFocused();
    await page.keyboard.type(OWNER.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toHaveText("Email or password is not right.");
    // The wrong password is selected, so typing replaces it.
    await page.keyboard.type(OWNER.password);
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/accounts\?sort=address/);
  });

  await test.step("j and k mark a row, Enter opens it", async () => {
    const marked = page.locator("tr[aria-current=true]");
    await expect(page.getByRole("row")).toHaveCount(3);
    await page.keyboard.press("j");
    await expect(marked).toContainText(ana.address);
    await page.keyboard.press("j");
    await expect(marked).toContainText(ben.address);
    await page.keyboard.press("k");
    await expect(marked).toContainText(ana.address);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Ben Kim" })).toBeVisible();
    await expect(page.getByRole("link", { name: /Second letter/ })).toBeVisible();
  });

  await test.step("a mail opens, the next one follows, Escape goes back", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Second letter" })).toBeVisible();
    await page.keyboard.press("j");
    await expect(page.getByRole("heading", { name: "First letter" })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page).toHaveURL(/\/mail$/);
  });

  await test.step("c writes, Ctrl Enter sends", async () => {
    await page.keyboard.press("c");
    const panel = page.getByRole("dialog", { name: "Send email" });
    await expect(panel.getByLabel("To")).toBeFocused();
    await page.keyboard.type(ana.address);
    await page.keyboard.press("Tab");
    await page.keyboard.type("By keyboard");
    await page.keyboard.press("Tab");
    await page.keyboard.type("Hello Ana");
    await page.keyboard.press("Control+Enter");
    await expect(panel).toHaveCount(0);
    await expect.poll(() => lab.messages(ana).then((all) => all.length)).toBe(1);
  });

  await test.step("? shows the keys, g a goes to the accounts", async () => {
    await page.keyboard.press("?");
    const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await expect(sheet.getByText("Next conversation")).toBeVisible();
    await expect(sheet.getByText("Go to accounts")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(sheet).toHaveCount(0);
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await expect(page).toHaveURL(/\/accounts$/);
  });

  await test.step("the search, the menu of a row and the palette", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("ana");
    await expect(page.getByRole("row")).toHaveCount(2);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("row")).toHaveCount(3);
    await tabTo(page, "button", `Actions for ${ana.address}`);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("menuitem", { name: "Email list" })).toBeFocused();
    // Upwards from the first is the last; Settings is a few above it.
    const settings = page.getByRole("menuitem", { name: "Settings" });
    for (let presses = 0; presses < 9; presses += 1) {
      await page.keyboard.press("ArrowUp");
      if (await settings.evaluate((element) => element === document.activeElement)) break;
    }
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Connection", exact: true })).toBeVisible();
    await page.keyboard.press("Control+k");
    const palette = page.getByRole("dialog", { name: "Find and do" });
    // At once, as fast fingers do: the palette takes what follows its keys.
    await page.keyboard.type("ben", { delay: 60 });
    await expect(palette.getByRole("textbox")).toHaveValue("ben");
    await expect(palette.getByText(ben.address)).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Ben Kim" })).toBeVisible();
  });

  await test.step("Enter means what is typed, not what its first letter has found", async () => {
    const palette = page.getByRole("dialog", { name: "Find and do" });
    await page.keyboard.press("Control+k");
    await page.keyboard.press("b");
    // It is in “lab” as well.
    await expect(palette.getByText(ana.address)).toBeVisible();
    await page.keyboard.type("en");
    await page.keyboard.press("Enter");
    await expect(palette).toHaveCount(0);
    await expect(page.getByRole("heading", { name: "Ben Kim" })).toBeVisible();
    await page.keyboard.press("Control+k");
    await page.keyboard.press("b");
    await expect(palette.getByText(ana.address)).toBeVisible();
    // No line is left: Enter waits for the answer.
    await page.keyboard.type("and of four");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/search\?q=band/);
  });
});

test("Escape asks before what was typed is thrown away", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await asOwner(page, house);
  await connect(page, house, ben, "Ben Kim");
  await page.goto("/accounts");
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.keyboard.press("j");
  await page.keyboard.press("c");
  const panel = page.getByRole("dialog", { name: "Send email" });
  const question = page.getByRole("dialog", { name: "Discard this message?" });
  await expect(panel.getByLabel("To")).toBeFocused();
  await page.keyboard.type("cleo@else.test");
  await page.keyboard.press("Escape");
  await expect(question).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(question).toHaveCount(0);
  await expect(panel.getByLabel("To")).toHaveValue("cleo@else.test");
  await page.keyboard.press("Escape");
  await question.getByRole("button", { name: "Discard" }).press("Enter");
  await expect(panel).toHaveCount(0);
});
