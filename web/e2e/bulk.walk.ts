/** Pause, tags, filters, what is done with many accounts, and the file: beside real servers, without the mouse where it matters. */
import { findings } from "./support/accessible";
import { choose, rowOf } from "./support/forms";
import { look } from "./support/look";
import { asOwner, connect, untilLive } from "./support/owner";
import { expect, test } from "./support/test";

test("accounts are paused, tagged, found, changed together and exported", async ({ page, house }) => {
  const boxes = await Promise.all(["ana", "ben", "cleo"].map((name) => house.lab.addUser(name)));
  const [ana, ben, cleo] = boxes;
  if (!ana || !ben || !cleo) throw new Error("three mailboxes");
  await asOwner(page, house);
  const id = await connect(page, house, ana, "Ana Diaz");
  await connect(page, house, ben, "Ben Kim");
  await connect(page, house, cleo, "=Cleo");
  await untilLive(page, id);

  await test.step("an account is paused from its menu, and resumed on its page", async () => {
    await page.goto("/accounts");
    await expect(rowOf(page, ana.address)).toContainText("Connected");
    await choose(page, ana.address, "Pause");
    await expect(rowOf(page, ana.address)).toContainText("Paused");
    await page.goto(`/accounts/${id}/settings`);
    await expect(page.getByText("This account is paused")).toBeVisible();
    await expect(page.getByText("No session is open.")).toBeVisible();
    await page.locator("header").getByRole("button", { name: "Resume" }).click();
    await expect(page.getByText("This account is paused")).toHaveCount(0);
    await untilLive(page, id);
  });

  await test.step("a tag is typed on the account's page", async () => {
    const field = page.getByRole("combobox", { name: "Tags" });
    await field.fill("Outreach");
    await field.press("Enter");
    await expect(page.locator("header").getByText("Outreach")).toBeVisible();
    await page.goto("/accounts?tag=outreach");
    await expect(page.getByText("1 account found")).toBeVisible();
    await expect(rowOf(page, ana.address).getByText("Outreach")).toBeVisible();
    await page.getByRole("button", { name: "Clear", exact: true }).click();
    await expect(page.getByRole("row")).toHaveCount(4);
  });

  await test.step("rows are chosen by key, paused together, and that is undone", async () => {
    await page.locator("body").press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("X");
    const bar = page.getByRole("region", { name: "Selected accounts" });
    await expect(bar.getByText("3 selected")).toBeVisible();
    expect(await findings(page)).toEqual([]);
    await bar.getByRole("button", { name: "Pause" }).press("Enter");
    const dialog = page.getByRole("dialog", { name: "Pause 3 accounts" });
    await expect(dialog.getByText("3 accounts will be paused.")).toBeVisible();
    await dialog.getByRole("button", { name: "Pause" }).press("Enter");
    await expect(page.getByText("3 accounts paused.")).toBeVisible();
    await page.getByRole("link", { name: "Details" }).press("Enter");
    await expect(page).toHaveURL(/run=/);
    await page.reload();
    const done = page.getByRole("dialog", { name: "Pause 3 accounts" });
    await expect(done.getByText("3 accounts paused.")).toBeVisible();
    await look(page, "bulk-done");
    for (const box of boxes) await expect(rowOf(page, box.address)).toContainText("Paused");
    await expect(page.getByText("3 paused", { exact: true })).toBeVisible();
    await done.getByRole("button", { name: "Undo" }).press("Enter");
    await expect(page.getByText("3 accounts resumed.").first()).toBeVisible();
    await expect(page.getByRole("dialog")).toHaveCount(0);
    for (const box of boxes) await expect(rowOf(page, box.address)).toContainText("Connected");
  });

  await test.step("all that match get a tag, which is renamed in one place", async () => {
    await page.getByRole("checkbox", { name: "Select every account that is loaded" }).check();
    await page.getByRole("button", { name: "Add tag" }).click();
    await page.getByRole("dialog").getByRole("combobox", { name: "Tag" }).fill("Outreach");
    await expect(page.getByText("2 accounts will get the tag.")).toBeVisible();
    await expect(page.getByText("1: It is so already.")).toBeVisible();
    await page.getByRole("dialog").getByRole("button", { name: "Add tag" }).click();
    await expect(page.getByText("2 accounts tagged.")).toBeVisible();
    await page.getByRole("button", { name: "Rename or remove tags" }).click();
    const name = page.getByRole("textbox", { name: "Name of the tag Outreach" });
    await name.fill("Customers");
    await name.press("Enter");
    await page.keyboard.press("Escape");
    await expect(rowOf(page, cleo.address).getByText("Customers")).toBeVisible();
  });

  await test.step("the file has what the list has", async () => {
    const file = page.waitForEvent("download");
    await page.getByRole("link", { name: "Export" }).click();
    const download = await file;
    expect(download.suggestedFilename()).toMatch(/^accounts-\d{4}-\d\d-\d\d\.csv$/);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    expect(text.split("\r\n")).toHaveLength(5);
    expect(text).toContain(`${cleo.address},'=Cleo,`);
    expect(text).toContain("Customers");
  });

  await test.step("a deletion wants its number", async () => {
    await page.getByRole("checkbox", { name: `Select ${ben.address}` }).check();
    await page.getByRole("checkbox", { name: `Select ${cleo.address}` }).check();
    await page
      .getByRole("region", { name: "Selected accounts" })
      .getByRole("button", { name: "Delete" })
      .click();
    await page.getByRole("textbox", { name: "Type 2 to confirm" }).fill("2");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("2 accounts being deleted.")).toBeVisible();
    await expect(page.getByRole("row")).toHaveCount(2);
  });
});
