/** After connecting, and later in the settings: how often, which folders, how far back. */
import { field, fillServer, rowOf } from "./support/forms";
import { eachWidth, look } from "./support/look";
import { plain } from "./support/mails";
import { asOwner, connect, untilLive } from "./support/owner";
import { FIRST, FOLDERS, States } from "./support/states";
import { expect, test } from "./support/test";

test.beforeEach(({ page, house }) => asOwner(page, house));

test("what is set after connecting has its effect, and folders are left out again", async ({
  page,
  house,
}) => {
  const { lab } = house;
  const ben = await lab.addUser("ben");
  house.secrets.add(ben.password);
  await page.goto("/accounts/add/custom");
  await page.getByLabel("Email address").fill(ben.address);
  await page.getByLabel("Display name").fill("Ben Kim");
  await fillServer(page, "smtp", { host: "localhost", port: lab.ports.submission });
  await fillServer(page, "imap", { host: "localhost", port: lab.ports.imaps });
  await field(page, "smtp", "password").fill(ben.password);
  await page.getByRole("button", { name: "Save account" }).click();
  await expect(page.getByRole("heading", { name: "How it is kept in sync" })).toBeVisible();
  const archive = page.getByRole("checkbox", { name: /Archive/ });
  await expect(archive).not.toBeChecked();
  await expect(page.getByRole("checkbox", { name: /INBOX/ })).toBeDisabled();

  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("Receiving and sending work.")).toBeVisible();
  await page.getByRole("combobox", { name: "Sync frequency" }).click();
  await page.getByRole("option", { name: "Every minute" }).click();
  await archive.check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(rowOf(page, ben.address)).toContainText("Connected");

  await page.getByRole("button", { name: `Actions for ${ben.address}` }).click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await expect(page.getByRole("combobox", { name: "Sync frequency" })).toHaveValue("Every minute");
  await expect(archive).toBeChecked();

  // Sent from elsewhere: it is here with one of the next comparisons, and left out it disappears.
  const sent = page.getByRole("checkbox", { name: /Sent/ });
  await expect(sent).toBeChecked();
  await sent.uncheck();
  const sync = page.getByRole("region", { name: "Sync" });
  await sync.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Saved. It counts at once.")).toBeVisible();
  await expect(sent).not.toBeChecked();
});

test("leaving a folder out tells how many messages disappear", async ({ page, house }) => {
  const ben = await house.lab.addUser("ben");
  const id = await connect(page, house, ben, "Ben Kim");
  await untilLive(page, id);
  const message = { to: ben.address, subject: "To myself", body: "Hello." };
  const answer = await page.request.post(`/api/v1/accounts/${id}/outgoing`, {
    headers: { "idempotency-key": crypto.randomUUID() },
    data: message,
  });
  expect(answer.status()).toBe(202);
  await house.lab.deliver(ben, plain("In the inbox", "Hi."));
  await page.goto(`/accounts/${id}/settings`);
  const sent = page.getByRole("checkbox", { name: /Sent.*1 here/ });
  await expect(sent).toBeVisible();
  await sent.uncheck();
  const save = page.getByRole("region", { name: "Sync" }).getByRole("button", { name: "Save changes" });
  await save.click();
  const dialog = page.getByRole("dialog", { name: "Leave out this folder?" });
  await expect(dialog).toContainText("1 message lies in no other folder");
  await dialog.getByRole("button", { name: "Leave out and save" }).click();
  await expect(page.getByText("Saved. It counts at once.")).toBeVisible();
  expect(await house.lab.messages(ben, "Sent")).toHaveLength(1);
});

eachWidth(() => {
  test.use({ breaks: true });
  test("no folder, one, and two hundred", async ({ page }) => {
    test.slow();
    const states = await States.on(page);
    for (const [name, folders] of Object.entries(FOLDERS)) {
      states.folders = folders;
      await page.goto(`/accounts/${FIRST}/start`);
      await expect(page.getByRole("heading", { name: "How it is kept in sync" })).toBeVisible();
      const there =
        name === "none"
          ? page.getByText(/The list of folders is being/)
          : page.getByText("INBOX", { exact: true });
      await expect(there).toBeVisible();
      await look(page, `start-${name}`);
      await page.goto(`/accounts/${FIRST}/settings`);
      await page.getByText("Folders", { exact: true }).scrollIntoViewIfNeeded();
      await expect(there).toBeVisible();
      await page.getByText("Folders", { exact: true }).evaluate((legend) => legend.scrollIntoView());
      await look(page, `settings-sync-${name}`);
    }
  });
});
