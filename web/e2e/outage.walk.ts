/** A server that goes away asks nobody for anything: the account says so, and comes back by itself. */
import { rowOf } from "./support/forms";
import { plain } from "./support/mails";
import { asOwner, connect } from "./support/owner";
import { expect, test } from "./support/test";

test("the incoming server goes away and comes back", async ({ page, house }) => {
  const { lab } = house;
  const ben = await lab.addUser("ben");
  await asOwner(page, house);
  const id = await connect(page, house, ben, "Ben Kim");
  await page.goto("/accounts");
  const row = rowOf(page, ben.address);
  await expect(row).toContainText("Connected");
  await lab.stopImap();
  try {
    await expect(row).toContainText("Disconnected");
    await expect(row).toContainText("receiving");
    await expect(row).not.toContainText("Reconnect required");
    await lab.deliver(ben, plain("Arrived during the outage"));
  } finally {
    await lab.startImap();
  }
  await expect(row).toContainText("Connected");
  await page.goto(`/accounts/${id}/mail`);
  await expect(page.getByRole("link", { name: /Arrived during the outage/ })).toBeVisible();
});
