import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Shell.module.css";

/** The sidebar on small screens. */
export default function MenuDrawer({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  return (
    <Drawer
      opened
      onClose={onClose}
      withCloseButton={false}
      size="var(--sidebar-width)"
      padding={0}
      classNames={{ body: classes.drawer, content: classes.drawerContent }}
      attributes={{ content: { "aria-label": "Menu" } }}
    >
      {children}
    </Drawer>
  );
}
