/** Many accounts from a file: wrong rows are told, the right ones tested and connected, and it goes on without the page. */
import { readFile } from "node:fs/promises";
import { rowOf } from "./support/forms";
import { asOwner } from "./support/owner";
import { expect, test } from "./support/test";

test("a file is uploaded, tested and connected, and its failed rows come back without passwords", async ({
  page,
  house,
}) => {
  await asOwner(page, house);
  const { lab } = house;
  const boxes = await Promise.all(["ana", "ben", "cleo"].map((name) => lab.addUser(name)));
  const [ana, ben, cleo] = boxes;
  if (!ana || !ben || !cleo) throw new Error("three mailboxes");
  for (const box of boxes) house.secrets.add(box.password);
  house.secrets.add("not-the-password");
  const line = (address: string, password: string, port = String(lab.ports.imaps)) =>
    [address, "Kim, Ben", password, "localhost", port, "localhost", lab.ports.submission]
      .map((cell) => `"${cell}"`)
      .join(";");
  const header = "address;display_name;password;imap_host;imap_port;smtp_host;smtp_port";
  const rows = [
    line(ana.address, ana.password),
    line(ben.address, ben.password),
    line(cleo.address, "not-the-password"),
    line("dan@lab.test", "not-the-password", "70000"),
  ];
  const buffer = Buffer.from(`\ufeff${header}\r\n${rows.join("\r\n")}\r\n`);

  await page.goto("/accounts/add");
  await page.getByRole("link", { name: "Connect many from a CSV" }).click();
  await expect(page.getByRole("heading", { name: "Connect many accounts" })).toBeVisible();
  const choosing = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose file" }).click();
  await (await choosing).setFiles({ name: "people.csv", mimeType: "text/csv", buffer });
  await expect(page.getByRole("heading", { name: "people.csv" })).toBeVisible();
  await expect(page.getByText(/imap_port: A port is a number/)).toBeVisible();

  await page.getByRole("button", { name: "Test 3 rows" }).click();
  await expect(page.getByRole("button", { name: "Test 3 rows" })).toHaveCount(0);
  // One may leave: it goes on, and is shown when one comes back.
  await page.goto("/accounts");
  await page.goto("/accounts/add/many");
  await expect(page.getByRole("button", { name: "Connect the 2 that passed" })).toBeVisible();
  const list = page.getByRole("list", { name: "Rows of the file" });
  await expect(list).toContainText("Authentication failed");
  await page.getByRole("button", { name: "Connect the 2 that passed" }).click();
  await expect(page.getByText(/2 accounts connected, 2 not/)).toBeVisible();

  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download 2 failed rows" }).click();
  const text = await readFile(await (await downloading).path(), "utf8");
  expect(text).toContain(cleo.address);
  expect(text).not.toContain("not-the-password");

  await page.getByRole("button", { name: "Connected 2" }).click();
  await page.getByRole("link", { name: ana.address }).click();
  await expect(page.getByRole("heading", { name: "Kim, Ben" })).toBeVisible();
  await page.goto("/accounts");
  await expect(rowOf(page, ben.address)).toContainText("Connected");
});
