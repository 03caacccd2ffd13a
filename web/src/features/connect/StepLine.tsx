import { Skeleton } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleMinus,
  IconCircleX,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { count } from "../../lib/format";
import { Icon } from "../../ui/Icon";
import classes from "./StepLine.module.css";

const ICONS = {
  running: IconCircleDashed,
  passed: IconCircleCheck,
  failed: IconCircleX,
  /** It could not be done, and that stops nothing. */
  missed: IconAlertTriangle,
  /** There was nothing, or no need. */
  empty: IconCircleMinus,
};

export type Mark = keyof typeof ICONS;

export function StepList({ children }: { children: ReactNode }) {
  return <ol className={classes.steps}>{children}</ol>;
}

interface StepLineProps {
  mark: Mark;
  words: string;
  detail?: ReactNode;
  tookMs?: number | null | undefined;
  /** What else is known, under the line. */
  children?: ReactNode;
}

/** One step of work that is watched: what became of it, and how long it took. */
export function StepLine({ mark, words, detail, tookMs, children }: StepLineProps) {
  return (
    <li className={classes.step} data-status={mark}>
      <Icon of={ICONS[mark]} />
      <div className={classes.stepBody}>
        <div className={classes.line}>
          <span className={classes.what}>
            <span className={classes.words}>{words}</span>
            {detail && <span className={classes.detail}>{detail}</span>}
          </span>
          {tookMs != null && <span className={`${classes.took} figures`}>{count(tookMs)} ms</span>}
        </div>
        {mark === "running" && <Skeleton h="0.25rem" mt="xs" />}
        {children}
      </div>
    </li>
  );
}
