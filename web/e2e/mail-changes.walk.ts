/**
 * Conversations and messages are chosen, archived, moved, flagged and deleted: by key and by hand, with the way back, as
 * the server has it.
 */
import { findings } from "./support/accessible";
import { look } from "./support/look";
import { plain, talk } from "./support/mails";
import { asOwner, connect, untilLive } from "./support/owner";
import { expect, test } from "./support/test";

interface Folder {
  id: string;
  name: string;
  role: string | null;
}

test("mail is worked through by keyboard, together, and back", async ({ page, house }) => {
  const { lab } = house;
  const ana = await lab.addUser("ana");
  const names = ["First", "Second", "Third", "Fourth", "Fifth"];
  for (const name of names) await lab.deliver(ana, plain(`${name} letter`));
  await asOwner(page, house);
  const id = await connect(page, house, ana, "Ana Diaz");
  await untilLive(page, id);
  const answer = await page.request.get(`/api/v1/accounts/${id}/folders`);
  const { items } = (await answer.json()) as { items: Folder[] };
  const inbox = items.find(({ role }) => role === "inbox")?.id ?? "";
  const trash = items.find(({ role }) => role === "trash")?.id ?? "";
  const line = (name: string) => page.getByRole("link", { name: new RegExp(`${name} letter`) });
  // Of the list that is shown: conversations, unless the address asks for messages.
  const bar = page.getByRole("region", { name: /^Selected (conversations|messages)$/ });

  await test.step("e archives what is marked, z brings it back", async () => {
    await page.goto(`/accounts/${id}/mail?folder=${inbox}`);
    await expect(line("First")).toBeVisible();
    await page.keyboard.press("j");
    await page.keyboard.press("e");
    await expect(line("Fifth")).toHaveCount(0);
    await expect(page.getByText("Message archived.")).toBeVisible();
    await page.keyboard.press("z");
    await expect(line("Fifth")).toBeVisible();
    await expect(page.getByText("Message moved back.")).toBeVisible();
  });

  await test.step("J chooses on, and what is chosen is changed together", async () => {
    await page.locator("body").press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("J");
    await page.keyboard.press("J");
    await expect(bar.getByText("3 selected")).toBeVisible();
    await page.keyboard.press("K");
    await expect(bar.getByText("2 selected")).toBeVisible();
    expect(await findings(page)).toEqual([]);
    await page.keyboard.press("Shift+I");
    await expect(bar.getByRole("button", { name: "Mark as unread" })).toBeVisible();
    await page.keyboard.press("s");
    await expect(page.getByRole("img", { name: "Flagged" })).toHaveCount(2);
    await page.keyboard.press("Escape");
    await expect(bar).toHaveCount(0);
  });

  await test.step("boxes choose messages by hand; the deleted are brought back by the button", async () => {
    await page.goto(`/accounts/${id}/mail?folder=${inbox}&view=messages`);
    await page.getByRole("checkbox", { name: "Select: Third letter" }).check();
    await page.getByRole("checkbox", { name: "Select: First letter" }).click({ modifiers: ["Shift"] });
    await expect(bar.getByText("3 selected")).toBeVisible();
    await bar.getByRole("button", { name: "Delete" }).click();
    await expect(line("Second")).toHaveCount(0);
    await expect(page.getByText("3 messages moved to Trash.")).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(line("Second")).toBeVisible();
  });

  await test.step("the next message opens when one is deleted", async () => {
    await line("Fifth").click();
    await expect(page.getByRole("heading", { name: "Fifth letter" })).toBeVisible();
    await page.keyboard.press("#");
    await expect(page.getByRole("heading", { name: "Fourth letter" })).toBeVisible();
    await expect(line("Fifth")).toHaveCount(0);
  });

  await test.step("all headers and the source", async () => {
    await page.keyboard.press("h");
    await expect(page.getByRole("row", { name: /^Message-ID/i })).toBeVisible();
    await look(page, "message-headers");
    await page.keyboard.press("h");
    await page.getByRole("button", { name: "More for this message" }).click();
    await page.getByRole("menuitem", { name: "View the source" }).click();
    const source = page.getByRole("dialog", { name: "Source of the message" });
    await expect(source.getByText(/Subject: Fourth letter/)).toBeVisible();
    await look(page, "message-source");
    await page.keyboard.press("Escape");
    await expect(source).toHaveCount(0);
  });

  await test.step("v moves to a folder that is typed", async () => {
    await page.keyboard.press("v");
    await expect(page.getByRole("dialog", { name: "Move 1 message to" })).toBeVisible();
    await page.keyboard.type("trash");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Third letter" })).toBeVisible();
    await expect(line("Fourth")).toHaveCount(0);
    await page.keyboard.press("Escape");
  });

  await test.step("? lists the keys", async () => {
    await page.keyboard.press("?");
    const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await expect(sheet.getByText("Archive")).toBeVisible();
    await page.keyboard.press("Escape");
  });

  await test.step("the mail server has it so, too", async () => {
    await expect.poll(async () => (await lab.messages(ana)).length).toBe(3);
  });

  await test.step("what lies in Trash is asked about, and is gone then", async () => {
    const choice = { folders: [{ id: trash, selected: true }] };
    expect((await page.request.patch(`/api/v1/accounts/${id}/folders`, { data: choice })).ok()).toBe(true);
    await page.goto(`/accounts/${id}/mail?folder=${trash}`);
    await expect(line("Fifth")).toBeVisible({ timeout: 30_000 });
    await page.getByRole("checkbox", { name: "Select: Fifth letter" }).check();
    await bar.getByRole("button", { name: "Delete" }).click();
    const question = page.getByRole("dialog", { name: "Delete 1 conversation for good?" });
    await expect(question).toBeVisible();
    await look(page, "delete-for-good");
    await question.getByRole("button", { name: "Delete for good" }).click();
    await expect(page.getByText("Message deleted for good.")).toBeVisible();
    await expect(line("Fifth")).toHaveCount(0);
  });

  await test.step("a conversation goes as a whole, and comes back so", async () => {
    await page.goto(`/accounts/${id}/mail?folder=${inbox}`);
    for (const mail of talk("Sixth letter")) await lab.deliver(ana, mail);
    const both = line("Sixth").getByText("2 messages");
    await expect(both).toHaveCount(1, { timeout: 30_000 });
    await page.getByRole("checkbox", { name: "Select: Sixth letter" }).check();
    await page.keyboard.press("e");
    await expect(line("Sixth")).toHaveCount(0);
    await expect(page.getByText("2 messages archived.")).toBeVisible();
    await page.keyboard.press("z");
    await expect(page.getByText("2 messages moved back.")).toBeVisible();
    await expect(both).toHaveCount(1);
  });

  await test.step("on a phone", async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`/accounts/${id}/mail?folder=${inbox}`);
    await page.getByRole("checkbox", { name: "Select: Third letter" }).check();
    await expect(bar.getByText("1 selected")).toBeVisible();
    await look(page, "mail-selected");
    await bar.getByRole("button", { name: "Move", exact: true }).click();
    await expect(page.getByRole("option").first()).toBeVisible();
    await look(page, "mail-move");
    await page.keyboard.press("Escape");
    await line("Third").click();
    await page.getByRole("button", { name: "More for this message" }).click();
    await expect(page.getByRole("menuitem", { name: "Move to Junk" })).toBeVisible();
    await look(page, "message-menu");
  });
});
