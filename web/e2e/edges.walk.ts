/** Pages that are seldom seen: no connection, what was deleted, and every state of connecting. Pictures as in `looks`. */
import type { Page } from "@playwright/test";
import { field, rowOf } from "./support/forms";
import { eachWidth, look } from "./support/look";
import { plain } from "./support/mails";
import { asOwner, connect } from "./support/owner";
import { expect, type House, test } from "./support/test";

/** A search that says what it looks at, and does not end until it is released. */
async function searching(page: Page): Promise<void> {
  // The page reads the stream as it comes: what is held back is played in the page itself.
  await page.addInitScript(() => {
    const real = window.fetch;
    window.fetch = async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (!url.endsWith("/accounts/discover")) return real(input, init);
      const lines = [
        { place: "domain_table", asked: "old.test", outcome: "nothing", took_ms: 2, words: null },
        {
          place: "mx",
          asked: "old.test",
          outcome: "found",
          took_ms: 31,
          words: "mx1.old.test takes its mail.",
        },
        {
          place: "autoconfig",
          asked: "https://autoconfig.old.test/",
          outcome: "running",
          took_ms: 0,
          words: null,
        },
      ];
      const text = lines.map((line) => `event: looked\ndata: ${JSON.stringify(line)}\n\n`).join("");
      const body = new ReadableStream({
        start: (stream) => stream.enqueue(new TextEncoder().encode(text)),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
  });
  await page.goto("/accounts/add");
  await page.getByLabel("Email address").fill("ben@old.test");
  await page.getByRole("button", { name: "Find servers" }).click();
  await expect(page.getByText("Settings that the domain publishes")).toBeVisible();
  await look(page, "add-searching");
}

async function adding(page: Page): Promise<void> {
  const providers = "**/api/v1/providers";
  await page.route(providers, () => undefined);
  await page.goto("/accounts/add");
  await expect(page.locator("[aria-busy=true]")).toBeVisible();
  await look(page, "add-loading");
  await page.unroute(providers);
  const problem = { type: "about:blank", title: "x", status: 403, code: "internal", request_id: "0198c0de" };
  await page.route(providers, (route) =>
    route.fulfill({
      status: 403,
      contentType: "application/problem+json",
      json: { ...problem, detail: "Something went wrong on the server. It was written to its log." },
    }),
  );
  await page.goto("/accounts/add");
  await expect(page.getByText("The providers could not be loaded")).toBeVisible();
  await look(page, "add-no-providers");
  await page.unroute(providers);
  await page.goto("/accounts/add");
  await page.getByLabel("Email address").fill("ben");
  await page.getByRole("button", { name: "Find servers" }).click();
  await expect(page.getByText(/Enter the whole email address/)).toBeVisible();
  await look(page, "add-wrong-address");
}

async function forms(page: Page): Promise<void> {
  for (const kind of ["google", "yahoo", "icloud", "custom", "imap"]) {
    await page.goto(`/accounts/add/${kind}`);
    await expect(page.getByRole("button", { name: "Save account" })).toBeVisible();
    await look(page, `form-${kind}`);
    await page.getByRole("button", { name: "Save account" }).scrollIntoViewIfNeeded();
    await page.getByRole("button", { name: "Save account" }).click();
    await expect(page.getByRole("alert").first()).toBeVisible();
    await look(page, `form-${kind}-errors`);
  }
  await page.goto("/accounts/add/custom");
  await page.getByText("Same login as the outgoing server").click();
  await field(page, "imap", "username").scrollIntoViewIfNeeded();
  await look(page, "form-custom-two-logins");
  await page.goto("/accounts/add/exchange");
  await expect(page.getByRole("heading", { name: "There is nothing at this address" })).toBeVisible();
  await look(page, "form-unknown");
}

/** What another person deleted while it was open, and what never was. */
async function gone(page: Page, house: House): Promise<void> {
  const ben = await house.lab.addUser("ben.kim");
  await house.lab.deliver(ben, plain("Lunch on Thursday?", "Hi Ben."));
  const id = await connect(page, house, ben, "Ben Kim");
  const mail = `/accounts/${id}/mail`;
  await page.goto(mail);
  await expect(page.getByRole("link", { name: /Lunch on Thursday/ })).toBeVisible();
  await page.goto(`${mail}/00000000-0000-7000-8000-000000000000`);
  await expect(page.getByRole("heading", { name: "This message is gone" })).toBeVisible();
  await look(page, "message-gone");
  // What is cut off at its end is as high as its letters all the same.
  const lines = await page.locator("header .mantine-Breadcrumbs-breadcrumb").evaluateAll((all) =>
    all.map((each) => {
      const { lineHeight, fontSize } = getComputedStyle(each);
      return Number.parseFloat(lineHeight) / Number.parseFloat(fontSize);
    }),
  );
  expect(lines.length).toBeGreaterThan(1);
  expect(Math.min(...lines)).toBeGreaterThan(1.3);
  await page.goto(mail);
  await expect(page.getByRole("link", { name: /Lunch on Thursday/ })).toBeVisible();
  const deleted = await page.request.delete(`/api/v1/accounts/${id}`, { data: { address: ben.address } });
  expect(deleted.ok(), await deleted.text()).toBe(true);
  await expect(page.getByRole("heading", { name: "This account was deleted" })).toBeVisible();
  await look(page, "account-gone");
  await page.goto(mail);
  await expect(page.getByRole("heading", { name: "There is nothing at this address" })).toBeVisible();
}

async function offline(page: Page, house: House): Promise<void> {
  const ana = await house.lab.addUser("ana.diaz");
  await connect(page, house, ana, "Ana Diaz");
  let back = false;
  let asked = 0;
  // The first is cut. The next, by which the browser tries again by itself, gets no answer: only the button gets one.
  await page.route("**/api/v1/live", async (route) => {
    asked += 1;
    if (back) await route.continue();
    else if (asked === 1) await route.abort();
  });
  await page.goto("/accounts");
  await expect(rowOf(page, ana.address)).toContainText("Connected");
  await expect(page.getByText("No connection to Posthouse")).toBeVisible({ timeout: 30_000 });
  await look(page, "offline");
  back = true;
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(page.getByText("No connection to Posthouse")).toHaveCount(0);
}

eachWidth(() => {
  test.use({ breaks: true });
  test("connecting, in every state", async ({ page, house }) => {
    test.slow();
    await asOwner(page, house);
    await test.step("the page of all kinds", () => adding(page));
    await test.step("each kind's form", () => forms(page));
    await test.step("a search under way", () => searching(page));
  });

  test("what is not there any more", async ({ page, house }) => {
    test.slow();
    await asOwner(page, house);
    await test.step("a deleted account and message", () => gone(page, house));
    await test.step("no connection", () => offline(page, house));
  });
});
