import { Group, Popover, Stack, UnstyledButton } from "@mantine/core";
import type { AccountRow } from "../../api/client";
import { ButtonLink } from "../../ui/links";
import classes from "./Accounts.module.css";
import { Why } from "./Why";
import { shownSide } from "./words";

/** The few words below a state, and on request all of them: what the server said, and the way out. */
export function StatusWhy({ account, children }: { account: AccountRow; children: string }) {
  const params = { id: account.id };
  return (
    <Popover width="20rem" position="bottom-start" shadow="md" trapFocus transitionProps={{ duration: 0 }}>
      <Popover.Target>
        <UnstyledButton className={classes.why}>{children}</UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label={`Why ${account.address} is in this state`}>
        <Stack gap="sm">
          <Why state={shownSide(account)} />
          <Group gap="sm">
            {account.can_manage && (
              <ButtonLink to="/accounts/$id/reconnect" params={params} size="compact-sm">
                Reconnect
              </ButtonLink>
            )}
            <ButtonLink to="/accounts/$id/settings" params={params} size="compact-sm" variant="default">
              Settings
            </ButtonLink>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
