import { Group, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";
import classes from "./Page.module.css";

/** The top of a page: its name, and what can be done here. */
export function PageHeader({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <Group justify="space-between" className={classes.header} gap="md">
      <Title order={1}>{title}</Title>
      {children && <Group gap="sm">{children}</Group>}
    </Group>
  );
}

export function Page({ name, children }: { name: string; children: ReactNode }) {
  useDocumentTitle(`${name} – Posthouse`);
  return <div className={classes.page}>{children}</div>;
}

/** A page without the frame: signing in, setting up. */
export function BarePage({ name, children }: { name: string; children: ReactNode }) {
  useDocumentTitle(`${name} – Posthouse`);
  return (
    <main className={classes.bare}>
      <div className={classes.bareBody}>{children}</div>
    </main>
  );
}
