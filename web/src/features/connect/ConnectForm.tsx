import { Button, Group, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { ErrorSummary } from "../../ui/ErrorSummary";
import classes from "./Connect.module.css";
import { TestPanel } from "./TestPanel";
import type { ConnectFlow } from "./useConnectForm";

interface ConnectFormProps {
  flow: ConnectFlow;
  /** On the button that saves. */
  save: string;
  /** Being saved, or saved: the page is about to be left. */
  saving: boolean;
  /** Before the other buttons. */
  cancel?: ReactNode;
  children: ReactNode;
}

/** The fields, the two buttons under them, and the test beside them. */
export function ConnectForm({ flow, save, saving, cancel, children }: ConnectFormProps) {
  const { trouble, testState } = flow;
  const testing = testState.phase === "running";
  return (
    <div className={classes.columns}>
      <form noValidate onSubmit={flow.onSubmit}>
        <Stack gap="lg">
          <ErrorSummary entries={trouble.entries} round={trouble.round} />
          {children}
          <Group justify="flex-end" gap="sm">
            {cancel}
            <Button variant="default" loading={testing} disabled={saving} onClick={flow.onTest}>
              Test connection
            </Button>
            <Button type="submit" loading={saving} disabled={testing}>
              {save}
            </Button>
          </Group>
        </Stack>
      </form>
      <div className={classes.aside} ref={flow.panel}>
        <TestPanel state={testState} />
      </div>
    </div>
  );
}
