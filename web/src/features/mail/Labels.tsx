import { count } from "../../lib/format";
import classes from "./Mail.module.css";

/** More would push the subject away. */
const SHOWN = 2;

/** Labels that people gave on Gmail, small before the subject; that of the folder that is looked at goes without saying. */
export function Labels({ labels, except }: { labels: string[]; except?: string | undefined }) {
  const others = labels.filter((label) => label !== except);
  if (others.length === 0) return null;
  const more = others.length - SHOWN;
  return (
    <span className={classes.labels} title={others.join(", ")}>
      {others.slice(0, SHOWN).map((label) => (
        <span key={label} className={classes.label} dir="auto">
          {label}
        </span>
      ))}
      {more > 0 && <span className={classes.moreLabels}>{count(more)} more</span>}
    </span>
  );
}
