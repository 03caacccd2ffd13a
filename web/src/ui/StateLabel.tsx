import type { Icon as TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Icon } from "./Icon";
import classes from "./StateLabel.module.css";

export type Tone = "ok" | "warn" | "bad" | "idle";

/** A state: always an icon and a word, and only then a colour. */
export function StateLabel({ tone, icon, children }: { tone: Tone; icon: TablerIcon; children: ReactNode }) {
  return (
    <span className={classes.root} data-tone={tone}>
      <Icon of={icon} />
      <span>{children}</span>
    </span>
  );
}
