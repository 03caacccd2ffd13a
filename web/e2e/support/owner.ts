import type { Page } from "@playwright/test";
import type { Mailbox } from "./lab";
import { expect, type House } from "./test";

export const OWNER = { name: "Ana Diaz", email: "ana@acme.test", password: "correct horse battery" };

/** Makes the owner by the API and signs the page in: for walks that begin later. */
export async function asOwner(page: Page, house: House, email = OWNER.email): Promise<void> {
  house.secrets.add(OWNER.password);
  const token = house.posthouse.token;
  const data = { token, ...OWNER, email, workspace_name: "Acme", time_zone: "Europe/Berlin" };
  expect((await page.request.post("/api/v1/setup", { data })).status()).toBe(201);
}

/** Connects a mailbox by the API and answers with the account's id. */
export async function connect(
  page: Page,
  house: House,
  mailbox: Mailbox,
  name: string,
  imapPort = house.lab.ports.imaps,
  encryption: "tls" | "none" = "tls",
): Promise<string> {
  house.secrets.add(mailbox.password);
  const login = { host: "localhost", username: mailbox.address, password: mailbox.password };
  const answer = await page.request.post("/api/v1/accounts", {
    data: {
      provider: "custom",
      address: mailbox.address,
      display_name: name,
      provider_name: "Old Host",
      team: false,
      smtp: { ...login, port: house.lab.ports.submission, encryption: "starttls" },
      imap: { ...login, port: imapPort, encryption },
      import_days: 30,
    },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

/** The page after connecting: saved as it is. */
export async function keepDefaults(page: Page): Promise<void> {
  await expect(page).toHaveURL(/\/accounts\/[0-9a-f-]+\/start$/);
  await expect(page.getByRole("heading", { name: "How it is kept in sync" })).toBeVisible();
  await page.getByRole("button", { name: "Save", exact: true }).click();
}

/** Waits until the account follows its mailbox: only then it holds a session that can be ended. */
export async function untilLive(page: Page, id: string): Promise<void> {
  await expect
    .poll(async () => {
      const account = await (await page.request.get(`/api/v1/accounts/${id}`)).json();
      return (account as { sync: { stage: string } }).sync.stage;
    })
    .toBe("live");
}
