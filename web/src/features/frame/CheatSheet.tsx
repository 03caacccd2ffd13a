import { FocusTrap, Kbd, Modal, Stack, Text } from "@mantine/core";
import { Fragment } from "react";
import { type Shortcut, useActiveShortcuts } from "../../ui/shortcuts";
import { layers } from "../../ui/theme";
import classes from "./Shell.module.css";

const GROUPS: Shortcut["group"][] = ["Everywhere", "Lists", "Messages", "This page"];
const ALWAYS: Pick<Shortcut, "keys" | "label" | "group">[] = [
  { keys: "Ctrl K", label: "Find and do", group: "Everywhere" },
  { keys: "Esc", label: "Close the top-most thing", group: "Everywhere" },
];

function Keys({ keys }: { keys: string }) {
  return keys.split(" ").map((key, index) => (
    <Fragment key={key}>
      {index > 0 && " "}
      <Kbd>{key === "Escape" ? "Esc" : key}</Kbd>
    </Fragment>
  ));
}

/** The keys that work on the page as it is now. */
export default function CheatSheet({ onClose }: { onClose: () => void }) {
  const active = useActiveShortcuts();
  const all = [...new Map([...ALWAYS, ...active].map((each) => [each.keys, each])).values()];
  return (
    <Modal
      opened
      onClose={onClose}
      title="Keyboard shortcuts"
      closeButtonProps={{ "aria-label": "Close" }}
      zIndex={layers.overToasts}
    >
      {/* There is nothing to do here but to read; the button to close is no first thing to land on. */}
      <FocusTrap.InitialFocus />
      <Stack gap="lg">
        {GROUPS.map((group) => {
          const shown = all.filter((each) => each.group === group);
          if (shown.length === 0) return null;
          return (
            <div key={group}>
              <Text fw={600} mb="sm">
                {group}
              </Text>
              <dl className={classes.keys}>
                {shown.map((each) => (
                  <Fragment key={each.keys}>
                    <dt>{each.label}</dt>
                    <dd>
                      <Keys keys={each.keys} />
                    </dd>
                  </Fragment>
                ))}
              </dl>
            </div>
          );
        })}
      </Stack>
    </Modal>
  );
}
