import { Tooltip } from "@mantine/core";
import classes from "./HealthRing.module.css";

const RADIUS = 8;
const LENGTH = 2 * Math.PI * RADIUS;

function level(score: number): "ok" | "warn" | "bad" {
  if (score >= 80) return "ok";
  return score >= 50 ? "warn" : "bad";
}

/** The health score as a ring and a figure; grey and "–" as long as nothing was measured. */
export function HealthRing({ score }: { score: number | null | undefined }) {
  const measured = score != null;
  return (
    <Tooltip label={measured ? `Health ${score} of 100` : "Not measured yet"}>
      <span className={classes.root} data-level={measured ? level(score) : "none"}>
        <svg viewBox="0 0 20 20" aria-hidden focusable={false}>
          <circle cx="10" cy="10" r={RADIUS} />
          {measured && (
            <circle
              cx="10"
              cy="10"
              r={RADIUS}
              strokeDasharray={`${(score / 100) * LENGTH} ${LENGTH}`}
              data-part
            />
          )}
        </svg>
        <span className="figures" aria-hidden={!measured}>
          {measured ? score : "–"}
        </span>
        {!measured && <span className={classes.unseen}>Not measured yet</span>}
      </span>
    </Tooltip>
  );
}
