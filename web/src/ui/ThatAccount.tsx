import classes from "./ErrorSummary.module.css";
import { AnchorLink } from "./links";

/** Where something is already what was asked for. */
export function ThatAccount({ id }: { id: string }) {
  return (
    <AnchorLink to="/accounts/$id" params={{ id }} underline="always" c="inherit" className={classes.link}>
      Open that account
    </AnchorLink>
  );
}
