/** What every look relies on: axe sees what keeps people out, and leaves alone what strangers write into a message. */
import { expect, test } from "@playwright/test";
import { findings } from "./support/accessible";

const FAULTY = `<html lang="en"><title>Faulty</title><main><h1>Faulty</h1>
  <p style="color: #ccc; background: #fff">pale words</p><img src="data:,"><button></button>
  <iframe title="A message" srcdoc="<p style='color: #eee'>pale words</p>"></iframe></main></html>`;

test("what keeps people out is found, by all rules and by those of colour", async ({ page }) => {
  await page.setContent(FAULTY);
  const rules = (all: string[]) => all.map((each) => each.split(":")[0]);
  expect(rules(await findings(page))).toEqual(["button-name", "color-contrast", "image-alt"]);
  expect(rules(await findings(page, "colour"))).toEqual(["color-contrast"]);
});
