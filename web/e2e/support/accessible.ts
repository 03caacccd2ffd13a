import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/** What axe finds that keeps people out: each finding as one line. */
export async function findings(page: Page): Promise<string[]> {
  // What strangers write into the frame of a message is theirs.
  const { violations } = await new AxeBuilder({ page }).exclude("iframe").analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, any }) => {
        const data = any.map((check) => check.message).join(" ");
        return `${id}: ${help}: ${target.join(" ")} ${data}`;
      }),
    );
}
