import type { Locator, Page } from "@playwright/test";

export interface Server {
  host: string;
  port: number;
}

/** A field of one side: both sides have the same labels. */
export function field(page: Page, side: "smtp" | "imap", name: "host" | "port" | "username" | "password") {
  return page.locator(`[id="${side}.${name}"]`);
}

export async function fillServer(page: Page, side: "smtp" | "imap", server: Server): Promise<void> {
  await field(page, side, "host").fill(server.host);
  await field(page, side, "host").press("Escape");
  await field(page, side, "port").fill(String(server.port));
}

/** The line of an account in the list. */
export function rowOf(page: Page, address: string): Locator {
  return page.getByRole("row").filter({ hasText: address });
}

/** An entry of the account's menu, from the list. */
export async function choose(page: Page, address: string, entry: string): Promise<void> {
  await page.getByRole("button", { name: `Actions for ${address}` }).click();
  await page.getByRole("menuitem", { name: entry, exact: true }).click();
}
