/** A server that goes away asks nobody for anything: the account says so, and comes back by itself. */
import { choose, rowOf } from "./support/forms";
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

test("the outgoing server goes away and comes back: the message waits, and goes out once", async ({
  page,
  house,
}) => {
  const { lab } = house;
  const ana = await lab.addUser("ana");
  const ben = await lab.addUser("ben");
  await asOwner(page, house);
  await connect(page, house, ben, "Ben Kim");
  await page.goto("/accounts");
  const row = rowOf(page, ben.address);
  await expect(row).toContainText("Connected");
  await lab.stopSmtp();
  try {
    await choose(page, ben.address, "Send email");
    const panel = page.getByRole("dialog", { name: "Send email" });
    await panel.getByLabel("To").fill(ana.address);
    await panel.getByLabel("Subject").fill("Sent during the outage");
    await panel.getByRole("button", { name: "Send", exact: true }).click();
    await expect(row).toContainText("Disconnected");
    await expect(row).toContainText("sending: connection refused");
    await page.getByRole("link", { name: "Show in outbox" }).click();
    await expect(page.getByRole("article")).toContainText("Queued");
    await expect(page.getByRole("article")).toContainText("Next attempt");
  } finally {
    await lab.startSmtp();
  }
  await expect(page.getByRole("article")).toContainText("Sent", { timeout: 30_000 });
  await expect.poll(() => lab.messages(ana).then((all) => all.length)).toBe(1);
  await page.getByRole("link", { name: "Accounts", exact: true }).first().click();
  await expect(row).toContainText("Connected");
});
