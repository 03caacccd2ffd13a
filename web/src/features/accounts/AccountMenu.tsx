import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import {
  IconDots,
  IconMail,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconSend,
  IconSettings,
  IconTrash,
  IconUserQuestion,
} from "@tabler/icons-react";
import { type ReactNode, useCallback, useRef, useState } from "react";
import type { AccountRow } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { focusOrigin, returnFocus } from "../../ui/focus";
import { Icon } from "../../ui/Icon";
import { MenuLink } from "../../ui/links";
import { part } from "../../ui/part";
import { useSendPanel } from "../send/SendPanelProvider";
import classes from "./AccountMenu.module.css";
import { useIsClosing } from "./closing";
import { usePause } from "./queries";

const DeleteDialog = part(() => import("./DeleteDialog"));

type AskDelete = (account: AccountRow) => void;

/** Pauses and resumes, and says so. */
export function usePausing(account: AccountRow) {
  const pause = usePause(account.id);
  const paused = account.status === "paused";
  const toggle = () =>
    pause.mutate(!paused, {
      onSuccess: () =>
        notifications.show({ message: `${account.address} is ${paused ? "resumed" : "paused"}.` }),
      onError: (error) =>
        notifications.show({
          color: "red",
          title: paused ? "Not resumed" : "Not paused",
          message: asApiError(error).message,
        }),
    });
  return { paused, toggle, pending: pause.isPending };
}

type Pausing = ReturnType<typeof usePausing>;

interface ItemsProps {
  account: AccountRow;
  onDelete: AskDelete;
  pausing: Pausing;
}

/** The four actions on an account, in their fixed order, and below them its settings and its pause. */
function Items({ account, onDelete, pausing }: ItemsProps) {
  const { open } = useSendPanel();
  const params = { id: account.id };
  return (
    <>
      <MenuLink to="/accounts/$id/mail" params={params} leftSection={<Icon of={IconMail} />}>
        Email list
      </MenuLink>
      {account.can_send && (
        <Menu.Item leftSection={<Icon of={IconSend} />} onClick={() => open(account)}>
          Send email
        </Menu.Item>
      )}
      {account.can_manage && (
        <>
          <MenuLink to="/accounts/$id/reconnect" params={params} leftSection={<Icon of={IconRefresh} />}>
            Reconnect
          </MenuLink>
          <Menu.Item
            leftSection={<Icon of={IconTrash} />}
            className={classes.delete}
            onClick={() => onDelete(account)}
          >
            Delete
          </Menu.Item>
        </>
      )}
      <Menu.Divider role="separator" />
      <MenuLink to="/accounts/$id/settings" params={params} leftSection={<Icon of={IconSettings} />}>
        Settings
      </MenuLink>
      {account.can_manage && (
        <Menu.Item
          leftSection={<Icon of={pausing.paused ? IconPlayerPlay : IconPlayerPause} />}
          onClick={pausing.toggle}
        >
          {pausing.paused ? "Resume" : "Pause"}
        </Menu.Item>
      )}
      {account.can_manage && (
        <MenuLink to="/accounts/$id/ask" params={params} leftSection={<Icon of={IconUserQuestion} />}>
          Ask the owner
        </MenuLink>
      )}
    </>
  );
}

/** The ⋮ button of an account. */
export function AccountMenuButton({ account, onDelete }: { account: AccountRow; onDelete: AskDelete }) {
  const closing = useIsClosing(account.id);
  const pausing = usePausing(account);
  return (
    <Menu position="bottom-end" width="12rem">
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          disabled={closing}
          aria-label={`Actions for ${account.address}`}
          className={classes.dots}
        >
          <Icon of={IconDots} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Items account={account} onDelete={onDelete} pausing={pausing} />
      </Menu.Dropdown>
    </Menu>
  );
}

export interface MenuPoint {
  account: AccountRow;
  x: number;
  y: number;
}

/** The same menu where the right button was pressed. */
export function AccountContextMenu(props: {
  at: MenuPoint | undefined;
  onClose: () => void;
  onDelete: AskDelete;
}) {
  const { at } = props;
  return at ? <ContextMenuAt key={`${at.x} ${at.y}`} {...props} at={at} /> : null;
}

function ContextMenuAt(props: { at: MenuPoint; onClose: () => void; onDelete: AskDelete }) {
  const { at, onClose, onDelete } = props;
  const pausing = usePausing(at.account);
  return (
    <Menu opened onClose={onClose} position="bottom-start" width="12rem">
      <Menu.Target>
        <span className={classes.point} style={{ insetInlineStart: at.x, insetBlockStart: at.y }} />
      </Menu.Target>
      <Menu.Dropdown aria-label={`Actions for ${at.account.address}`}>
        <Items account={at.account} onDelete={onDelete} pausing={pausing} />
      </Menu.Dropdown>
    </Menu>
  );
}

/** The dialog that asks before an account is deleted, loaded when it is first needed. */
export function useDeleteDialog(onDeleted?: () => void): { ask: AskDelete; dialog: ReactNode } {
  const [account, setAccount] = useState<AccountRow>();
  const origin = useRef<HTMLElement>(undefined);
  const ask = useCallback((which: AccountRow) => {
    origin.current = focusOrigin();
    setAccount(which);
  }, []);
  const close = () => {
    setAccount(undefined);
    returnFocus(origin.current);
  };
  const dialog = account && (
    <DeleteDialog
      key={account.id}
      account={account}
      onClose={close}
      onMissing={close}
      onDeleted={() => {
        close();
        onDeleted?.();
      }}
    />
  );
  return { ask, dialog };
}
