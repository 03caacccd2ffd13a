/** The API's own pages: every operation is there, and a call can be made with the session of whoever is signed in. */
import { findings } from "./support/accessible";
import { asOwner } from "./support/owner";
import { expect, test } from "./support/test";

test("the API documentation stands by itself and makes calls", async ({ page, house }) => {
  test.slow();
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== house.posthouse.url) elsewhere.push(request.url());
  });
  await asOwner(page, house);
  await page.goto("/api/docs");

  const document = (await (await page.request.get("/api/openapi.json")).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const operations = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
  await expect(page.locator(".opblock")).toHaveCount(operations);
  const session = page.locator("#operations-session-session");
  await session
    .getByRole("button", { name: /\/session/ })
    .first()
    .click();
  await session.getByRole("button", { name: "Execute" }).click();
  const live = session.locator(".live-responses-table");
  await expect(live.locator(".response-col_status").last()).toContainText("200");
  await expect(live).toContainText("ana@acme.test");
  for (const [colorScheme, dark] of [
    ["dark", /dark-mode/],
    ["light", /^(?!.*dark-mode)/],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator("html")).toHaveClass(dark);
    expect(await findings(page), colorScheme).toEqual([]);
  }
  expect(elsewhere, "requests to other servers").toEqual([]);
});
