import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { Icon } from "../../ui/Icon";
import classes from "./Providers.module.css";

/** A text that has to be entered elsewhere to the letter. */
export function CopyLine({ text, what }: { text: string; what: string }) {
  const { copied, copy } = useClipboard();
  return (
    <span className={classes.copy}>
      <code>{text}</code>
      <Tooltip label={copied ? "Copied" : "Copy"}>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={copied ? `Copied ${what}` : `Copy ${what}`}
          onClick={() => copy(text)}
        >
          <Icon of={copied ? IconCheck : IconCopy} />
        </ActionIcon>
      </Tooltip>
    </span>
  );
}
