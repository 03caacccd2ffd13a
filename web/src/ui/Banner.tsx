import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Icon } from "./Icon";
import classes from "./Notice.module.css";

const ICONS = { bad: IconAlertTriangle, warn: IconAlertTriangle, ok: IconCircleCheck, idle: IconInfoCircle };

/** A strip above content that says something about it. `alert` speaks at once, otherwise politely. */
export function Banner(props: {
  tone: keyof typeof ICONS;
  alert?: boolean;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={classes.banner} data-tone={props.tone} role={props.alert ? "alert" : "status"}>
      <Icon of={ICONS[props.tone]} />
      <div className={classes.bannerBody}>{props.children}</div>
      {props.action}
    </div>
  );
}
