import { join } from "node:path";
import { type Page, test } from "@playwright/test";
import { findings } from "./accessible";
import { smallTargets } from "./targets";
import { expect } from "./test";

const PICTURES = join(import.meta.dirname, "../.output/screenshots");
/** Narrower screens are touched. */
const TOUCHED = 768;
const SCHEMES = ["light", "dark"] as const;
type Scheme = (typeof SCHEMES)[number];

/** A large and a small screen. */
export const WIDTHS = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const;
const EACH_WIDTH = "@each-width";

/** The same walks on a large and on a small screen. */
export function eachWidth(walks: () => void): void {
  for (const viewport of WIDTHS) {
    test.describe(`${viewport.width} wide`, { tag: EACH_WIDTH }, () => {
      test.use({ viewport });
      walks();
    });
  }
}

/**
 * Both colour schemes. A walk that is done at each width takes light on the large screen and dark on the small one, which
 * is half of the time; LOOKS=all, as `make looks` says, takes all four.
 */
function schemes(width: number): readonly Scheme[] {
  if (process.env.LOOKS === "all" || !test.info().tags.includes(EACH_WIDTH)) return SCHEMES;
  return [width < TOUCHED ? "dark" : "light"];
}

/** Looks at the page as it is now, in its colour schemes. */
export async function look(page: Page, name: string): Promise<void> {
  const { width = 0 } = page.viewportSize() ?? {};
  for (const [at, colorScheme] of schemes(width).entries()) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
    const path = join(PICTURES, `${name}-${colorScheme}-${width}.png`);
    await page.screenshot({ path, animations: "disabled" });
    const which = at === 0 ? "all" : "colour";
    expect.soft(await findings(page, which), `${name}, ${colorScheme}, ${width} wide`).toEqual([]);
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect.soft(overflow, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
  // What still moves is not measured. A page with hundreds of rows takes seconds to measure on a busy machine.
  const still = expect.configure({ soft: true, timeout: 30_000 });
  if (width < TOUCHED)
    await still.poll(() => smallTargets(page), `${name}: too small for a finger`).toEqual([]);
}
