import { Button } from "@mantine/core";
import { useRef, useState } from "react";
import type { BulkAction, BulkRequest } from "../../api/client";
import type { AccountFilter } from "../../api/keys";
import { count } from "../../lib/format";
import { focusOrigin, returnFocus } from "../../ui/focus";
import { part } from "../../ui/part";
import { SelectionBar } from "../../ui/SelectionBar";
import type { Selection } from "../../ui/selection";
import classes from "./Accounts.module.css";
import { ACTIONS, requestFor } from "./bulk";

const BulkDialog = part(() => import("./BulkDialog"));

const ORDER: BulkAction[] = ["pause", "resume", "add_tag", "remove_tag", "retry", "delete"];

interface Asked {
  action: BulkAction;
  request: BulkRequest;
  selected: number;
}

interface BulkBarProps {
  selection: Selection;
  total: number;
  filter: AccountFilter;
  /** It has begun. */
  onBegun: (run: string) => void;
}

/** Stands below the list while something is chosen, with what can be done with it. */
export default function BulkBar({ selection, total, filter, onBegun }: BulkBarProps) {
  const [asked, setAsked] = useState<Asked>();
  const origin = useRef<HTMLElement>(undefined);
  const close = () => {
    setAsked(undefined);
    returnFocus(origin.current);
  };
  const ask = (action: BulkAction) => {
    origin.current = focusOrigin();
    setAsked({ action, request: requestFor(action, selection, filter), selected: selection.count });
  };
  const begin = (run: string) => {
    setAsked(undefined);
    onBegun(run);
    // The choice has done its service.
    selection.clear();
  };
  return (
    <>
      <SelectionBar
        label="Selected accounts"
        words={`${selection.all ? `All ${count(total)} that match` : count(selection.count)} selected`}
        more={
          !selection.all &&
          selection.count < total && (
            <Button variant="subtle" size="compact-sm" onClick={selection.chooseAll}>
              Select all {count(total)} that match
            </Button>
          )
        }
        onClear={selection.clear}
        className={classes.bulk}
      >
        {ORDER.map((action) => (
          <Button
            key={action}
            size="compact-sm"
            variant="default"
            className={action === "delete" ? classes.bulkDelete : undefined}
            onClick={() => ask(action)}
          >
            {ACTIONS[action].button}
          </Button>
        ))}
      </SelectionBar>
      {asked && <BulkDialog {...asked} onClose={close} onMissing={close} onBegun={begin} />}
    </>
  );
}
