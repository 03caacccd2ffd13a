import { useLate } from "../../api/waiting";
import classes from "./StillWaiting.module.css";

/** Says on every page that the server takes its time: what was asked for is not forgotten. */
export function StillWaiting() {
  const late = useLate();
  return (
    <div className={classes.root} role="status" data-late={late || undefined}>
      {late && "Still waiting for the server"}
    </div>
  );
}
