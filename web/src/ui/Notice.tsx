import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, type Icon as TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { asApiError } from "../lib/problem";
import { Icon } from "./Icon";
import classes from "./Notice.module.css";

/** In the place of content: why there is none, and what to do. `page`: it is all there is. */
export function Notice(props: {
  icon: TablerIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  page?: boolean;
}) {
  return (
    <Stack align="center" gap="sm" className={classes.notice}>
      <span className={classes.icon}>
        <Icon of={props.icon} large />
      </span>
      <Title order={props.page ? 1 : 2} size="h2" ta="center">
        {props.title}
      </Title>
      {props.children && (
        <Text c="dimmed" ta="center" className={classes.words}>
          {props.children}
        </Text>
      )}
      {props.action && (
        <Group mt="sm" justify="center">
          {props.action}
        </Group>
      )}
    </Stack>
  );
}

/** In the place of content that could not be loaded. */
export function LoadFailed({ what, error, retry }: { what: string; error: unknown; retry: () => void }) {
  const problem = asApiError(error);
  return (
    <Notice
      icon={IconAlertTriangle}
      title={`${what} could not be loaded`}
      action={
        <Button variant="default" onClick={retry}>
          Try again
        </Button>
      }
    >
      {problem.message}
      {problem.requestId && ` Request ${problem.requestId}.`}
    </Notice>
  );
}
