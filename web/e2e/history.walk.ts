/** The Sync page: what the last runs came to, what is missing and how it comes, and which senders the rules fit. */
import { look } from "./support/look";
import { plain } from "./support/mails";
import { asOwner, connect, untilLive } from "./support/owner";
import { expect, test } from "./support/test";

test.beforeEach(({ page, house }) => asOwner(page, house));

test.describe("a server that refuses a message", () => {
  test.use({ settings: { POSTHOUSE_PLAIN_TEXT_LOGINS: "true" } });

  test("a partial run is opened, and its message tried until it is here", async ({ page, house }) => {
    const { lab } = house;
    const ben = await lab.addUser("ben");
    for (const subject of ["First letter", "Second letter", "Third letter"])
      await lab.deliver(ben, plain(subject));
    await lab.refuseBodies(["1:3", "2"]);
    const id = await connect(page, house, ben, "Ben Kim", lab.ports.refusing, "none");
    await page.goto(`/accounts/${id}/sync`);
    const run = page.getByRole("row", { name: /Partial \(1 failed\)/ });
    await expect(run).toBeVisible();
    await expect(page.getByText("2 of 3 messages")).toBeVisible();
    await run.getByRole("button", { name: "View errors" }).click();
    const lost = page.getByRole("list", { name: "Messages that could not be fetched" });
    await expect(lost.getByText("INBOX, number 2")).toBeVisible();
    await expect(lost.getByText(/Tried 1 time/)).toBeVisible();
    await look(page, "sync-partial");

    const retry = page.getByRole("button", { name: "Retry this 1 message" });
    await retry.click();
    await expect(lost.getByText(/Tried 2 times/)).toBeVisible();

    // The server mends itself: a new session sees it.
    await lab.refuseBodies([]);
    await lab.kick(ben);
    await expect(async () => {
      if (await retry.isVisible()) await retry.click();
      await expect(page.getByText("All of them are here now.")).toBeVisible({ timeout: 2000 });
    }).toPass();
    await expect(page.getByText("3 of 3 messages")).toBeVisible();
    await page.goto(`/accounts/${id}/mail`);
    for (const subject of ["First letter", "Second letter", "Third letter"])
      await expect(page.getByRole("link", { name: subject })).toBeVisible();
  });
});

test("an exclude pattern is tried on the mail that is here, and kept", async ({ page, house }) => {
  const { lab } = house;
  const ben = await lab.addUser("ben");
  const letter = plain("News of the week");
  await lab.deliver(ben, letter.replace("cleo@else.test", "news@shop.test"));
  await lab.deliver(ben, plain("Lunch?"));
  const id = await connect(page, house, ben, "Ben Kim");
  await untilLive(page, id);
  await page.goto(`/accounts/${id}/settings`);
  const rules = page.getByRole("region", { name: "Sync rules" });
  const patterns = rules.getByLabel("Exclude patterns");
  await patterns.fill("*@shop.test");
  await patterns.press("Enter");
  await expect(rules.getByText("These patterns would concern 1 of 2 messages that are here.")).toBeVisible();
  await expect(rules.getByRole("list", { name: "Senders that they fit" })).toContainText("news@shop.test");
  await rules.getByRole("button", { name: "Discard" }).click();
  await expect(rules.getByText("*@shop.test")).toHaveCount(0);

  // What fits nothing sensible is told at the field.
  await patterns.fill("*@*");
  await patterns.press("Enter");
  await patterns.fill("news@*");
  await patterns.press("Enter");
  await expect(rules.getByText(/“\*@\*”: This pattern fits every address/)).toBeVisible();
  await expect(rules.getByRole("button", { name: "Save rules" })).toBeDisabled();
  await patterns.press("Backspace");
  await patterns.press("Backspace");
  await patterns.fill("news@*");
  await patterns.press("Enter");
  await rules.getByRole("button", { name: "Save rules" }).click();
  await expect(page.getByText("The sync rules are saved.")).toBeVisible();
  await page.reload();
  await expect(rules.getByText("news@*")).toBeVisible();
  await expect(rules.getByText("These patterns concern 1 of 2 messages that are here.")).toBeVisible();
});

test("what can be done with an account is found by Ctrl K on its pages", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  await house.lab.deliver(ben, plain("Lunch?"));
  const id = await connect(page, house, ben, "Ben Kim");
  await untilLive(page, id);
  await page.goto(`/accounts/${id}/mail`);
  await expect(page.getByRole("link", { name: /Lunch/ })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Find an account or a command").fill("check");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/accounts/${id}/sync`));
  await expect(page.getByText("Every folder is being compared with the server.")).toBeVisible();
  await expect(page.getByText(/Completeness check: nothing missing/).first()).toBeVisible();
});
