import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/** The rules whose outcome the colour scheme can change. */
const OF_COLOUR = ["color-contrast", "link-in-text-block"];

/** What axe finds that keeps people out: each finding as one line. By the rules of colour only, where the others were asked before. */
export async function findings(page: Page, which: "all" | "colour" = "all"): Promise<string[]> {
  // What strangers write into the frame of a message is theirs. So there is one document, and it is judged where it is: otherwise
  // each look would carry all that passed to a page of its own.
  const axe = new AxeBuilder({ page }).exclude("iframe").setLegacyMode(true);
  const runOnly = which === "colour" ? { runOnly: { type: "rule" as const, values: OF_COLOUR } } : {};
  const { violations } = await axe.options({ resultTypes: ["violations"], ...runOnly }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, any }) => {
        const data = any.map((check) => check.message).join(" ");
        return `${id}: ${help}: ${target.join(" ")} ${data}`;
      }),
    );
}
