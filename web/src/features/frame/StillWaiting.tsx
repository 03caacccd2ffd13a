import { IconClock } from "@tabler/icons-react";
import { useLate } from "../../api/waiting";
import { Icon } from "../../ui/Icon";
import classes from "./StillWaiting.module.css";

/** Says on every page that the server takes its time: what was asked for is not forgotten. */
export function StillWaiting() {
  const late = useLate();
  return (
    <div className={classes.root} role="status" data-late={late || undefined}>
      {late && (
        <>
          <Icon of={IconClock} />
          <span>Still waiting for the server</span>
        </>
      )}
    </div>
  );
}
