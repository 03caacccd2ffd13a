/** A change that the mail server refuses for good, as its reader sees it: put back, told, and cleared. */
import { findings } from "./support/accessible";
import { look } from "./support/look";
import { plain } from "./support/mails";
import { asOwner, connect, untilLive } from "./support/owner";
import { expect, test } from "./support/test";

test.use({ settings: { POSTHOUSE_PLAIN_TEXT_LOGINS: "true" } });

test("what the server refuses comes back, is told under the bell, and is over when its list is cleared", async ({
  page,
  house,
}) => {
  const { lab } = house;
  const ben = await lab.addUser("ben");
  await lab.deliver(ben, plain("First letter"));
  await lab.deliver(ben, plain("Second letter"));
  await lab.refuseChanges(true);
  await asOwner(page, house);
  const id = await connect(page, house, ben, "Ben Kim", lab.ports.refusing, "none");
  await untilLive(page, id);
  await page.goto(`/accounts/${id}/mail`);
  const answer = await page.request.get(`/api/v1/accounts/${id}/folders`);
  const { items } = (await answer.json()) as { items: { id: string; role: string | null }[] };
  const inbox = items.find(({ role }) => role === "inbox")?.id ?? "";
  await page.goto(`/accounts/${id}/mail?folder=${inbox}`);
  const second = page.getByRole("link", { name: /Second letter/ });
  await expect(second).toBeVisible();

  await test.step("it goes at once, and stands there again when the server has refused it", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("#");
    await expect(page.getByText("Message moved to Trash.")).toBeVisible();
    await expect(second).toHaveCount(0);
    await expect(second).toBeVisible({ timeout: 30_000 });
    expect(await lab.messages(ben)).toHaveLength(2);
  });

  await test.step("the bell tells of it, and leads to the list with the server's words", async () => {
    await page.getByRole("button", { name: "Notifications, 1 unread" }).click();
    const title = `The mail server refused a change in ${ben.address}`;
    const told = page.getByRole("article").filter({ hasText: title });
    await expect(told).toContainText("Change refused");
    await expect(told).toContainText("The message is as it was before.");
    await expect(told).toContainText("XMOVE");
    await look(page, "notice-refused-change");
    await told.getByRole("link", { name: title }).click();
    await expect(page).toHaveURL(new RegExp(`/accounts/${id}/sync`));
    const refused = page.getByRole("list", { name: "Changes that the mail server refused" });
    await expect(refused.getByText("Move 1 message")).toBeVisible();
    await expect(refused).toContainText("XMOVE");
    expect(await findings(page)).toEqual([]);
    await look(page, "sync-refused-change");
  });

  await test.step("asked for again while the server still refuses, it comes back to the list", async () => {
    const refused = page.getByRole("list", { name: "Changes that the mail server refused" });
    await expect(refused).toContainText("Second letter");
    const before = await refused.getByRole("listitem").innerText();
    await page.getByRole("button", { name: /^Do it again: Move 1 message/ }).click();
    await expect(page.getByText("Asked for again: 1 message.")).toBeVisible();
    await expect(refused.getByRole("listitem")).toHaveCount(1, { timeout: 30_000 });
    expect(before).toContain("XMOVE");
    await expect(refused).toContainText("XMOVE");
  });

  await test.step("cleared, the list goes and the notice is over", async () => {
    await page.getByRole("button", { name: "Clear this list" }).click();
    await expect(page.getByRole("heading", { name: "Changes for the mail server" })).toHaveCount(0);
    await page.keyboard.press("n");
    await expect(page.getByRole("article").filter({ hasText: "Over" })).toHaveCount(1);
    await page.keyboard.press("Escape");
  });

  await test.step("a server that does it now does it for good", async () => {
    await lab.refuseChanges(false);
    await lab.kick(ben);
    await page.goto(`/accounts/${id}/mail?folder=${inbox}`);
    await expect(second).toBeVisible();
    await page.keyboard.press("j");
    await page.keyboard.press("#");
    await expect(second).toHaveCount(0);
    await expect.poll(async () => (await lab.messages(ben)).length).toBe(1);
  });
});
