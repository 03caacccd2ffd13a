import { join } from "node:path";
import type { Page } from "@playwright/test";
import { findings } from "./accessible";
import { smallTargets } from "./targets";
import { expect } from "./test";

const PICTURES = join(import.meta.dirname, "../.output/screenshots");
/** Narrower screens are touched. */
const TOUCHED = 768;

/** Looks at the page as it is now, in both colour schemes. */
export async function look(page: Page, name: string): Promise<void> {
  const { width = 0 } = page.viewportSize() ?? {};
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
    const path = join(PICTURES, `${name}-${colorScheme}-${width}.png`);
    await page.screenshot({ path, animations: "disabled" });
    const which = colorScheme === "light" ? "all" : "colour";
    expect.soft(await findings(page, which), `${name}, ${colorScheme}, ${width} wide`).toEqual([]);
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect.soft(overflow, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
  // What still moves is not measured. A page with hundreds of rows takes seconds to measure on a busy machine.
  const still = expect.configure({ soft: true, timeout: 30_000 });
  if (width < TOUCHED)
    await still.poll(() => smallTargets(page), `${name}: too small for a finger`).toEqual([]);
}
