import type { Page } from "@playwright/test";
import axe from "axe-core";

/** The rules whose outcome the colour scheme can change. */
const OF_COLOUR = ["color-contrast", "link-in-text-block"];

/** What axe finds that keeps people out: each finding as one line. By the rules of colour only, where the others were asked before. */
export async function findings(page: Page, which: "all" | "colour" = "all"): Promise<string[]> {
  // Half a megabyte of script is read once a document, not once a look.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const violations = await page.evaluate(
    async (rules) => {
      // Colours that are on their way to others are nobody's: what has an end is waited for.
      const ends = document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
      await Promise.allSettled(ends.map(({ finished }) => finished));
      // What strangers write into the frame of a message is theirs: there is one document, and it is judged where it is.
      const { violations } = await window.axe.run(
        { exclude: ["iframe"] },
        {
          resultTypes: ["violations"],
          iframes: false,
          ...(rules && { runOnly: { type: "rule", values: rules } }),
        },
      );
      return violations;
    },
    which === "colour" ? OF_COLOUR : null,
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, any }) => {
        const data = any.map((check) => check.message).join(" ");
        return `${id}: ${help}: ${target.join(" ")} ${data}`;
      }),
    );
}

declare global {
  interface Window {
    axe: typeof axe;
  }
}
