import { ActionIcon, Menu } from "@mantine/core";
import { IconDots, IconMail, IconRefresh, IconSend, IconSettings, IconTrash } from "@tabler/icons-react";
import { type ReactNode, useCallback, useRef, useState } from "react";
import type { AccountRow } from "../../api/client";
import { focusOrigin, returnFocus } from "../../ui/focus";
import { Icon } from "../../ui/Icon";
import { MenuLink } from "../../ui/links";
import { part } from "../../ui/part";
import { useSendPanel } from "../send/SendPanelProvider";
import classes from "./AccountMenu.module.css";
import { useIsClosing } from "./closing";

const DeleteDialog = part(() => import("./DeleteDialog"));

type AskDelete = (account: AccountRow) => void;

/** The four actions on an account, in their fixed order, and below them its settings. */
function Items({ account, onDelete }: { account: AccountRow; onDelete: AskDelete }) {
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
    </>
  );
}

/** The ⋮ button of an account. */
export function AccountMenuButton({ account, onDelete }: { account: AccountRow; onDelete: AskDelete }) {
  const closing = useIsClosing(account.id);
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
        <Items account={account} onDelete={onDelete} />
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
  const { at, onClose, onDelete } = props;
  if (!at) return null;
  return (
    <Menu opened onClose={onClose} position="bottom-start" width="12rem" key={`${at.x} ${at.y}`}>
      <Menu.Target>
        <span className={classes.point} style={{ insetInlineStart: at.x, insetBlockStart: at.y }} />
      </Menu.Target>
      <Menu.Dropdown aria-label={`Actions for ${at.account.address}`}>
        <Items account={at.account} onDelete={onDelete} />
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
