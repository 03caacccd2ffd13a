import type { Page } from "@playwright/test";
import type { Mailbox } from "./lab";
import { expect } from "./test";

/** Signs in on the provider's page; its form has the address already. */
export async function signIn(page: Page, mailbox?: Mailbox): Promise<void> {
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  if (mailbox) await page.getByLabel("Address").fill(mailbox.address);
  await page.getByLabel("Password").fill("any password does");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Allow access" })).toBeVisible();
}

/** Signs in and allows everything that is asked for. */
export async function allow(page: Page, mailbox?: Mailbox): Promise<void> {
  await signIn(page, mailbox);
  await page.getByRole("button", { name: "Allow access" }).click();
}

/** The provider knows a browser that signed in once; after this it is a stranger's. */
export async function forget(page: Page): Promise<void> {
  await page.context().clearCookies({ name: /^_(session|interaction)/ });
}

/** The window that a click opens. */
export async function windowOf(page: Page, click: () => Promise<void>): Promise<Page> {
  const opened = page.waitForEvent("popup");
  await click();
  return opened;
}
