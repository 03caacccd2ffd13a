import { ActionIcon, Button, Group, Menu, Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import {
  IconAlertOctagon,
  IconArchive,
  IconArrowLeft,
  IconDotsVertical,
  IconDownload,
  IconFileCode,
  IconFlag,
  IconFlagFilled,
  IconFolderSymlink,
  type Icon as IconKind,
  IconListDetails,
  IconMail,
  IconMailOpened,
  IconTrash,
} from "@tabler/icons-react";
import { useRef, useState } from "react";
import type { Message } from "../../api/client";
import { focusOrigin, returnFocus } from "../../ui/focus";
import { Icon } from "../../ui/Icon";
import { part } from "../../ui/part";
import { media } from "../../ui/theme";
import { rawAddress } from "./changes";
import classes from "./Mail.module.css";
import { useMailActions } from "./MailActions";

const SourceDialog = part(async () => ({ default: (await import("./later")).SourceDialog }));

/** Where the message is all there is on the screen. */
export function Back({ onBack }: { onBack: () => void }) {
  return (
    <Group className={classes.back}>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        leftSection={<Icon of={IconArrowLeft} />}
        aria-label="Back to the list"
        onClick={onBack}
      >
        Back
      </Button>
    </Group>
  );
}

interface ToolsProps {
  message: Message;
  onBack: () => void;
  /** Whether all headers are shown. */
  headers: boolean;
  onHeaders: () => void;
}

interface ToolProps {
  label: string;
  keys: string;
  icon: IconKind;
  onClick: () => void;
  /** Only where there is room; the menu has it, too. */
  wide?: boolean;
}

function Tool({ label, keys, icon, onClick, wide }: ToolProps) {
  return (
    <Tooltip label={`${label} (${keys})`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        onClick={onClick}
        {...(wide ? { visibleFrom: "sm" } : {})}
      >
        <Icon of={icon} />
      </ActionIcon>
    </Tooltip>
  );
}

/** What can be done with the open message. */
export function MessageTools({ message, onBack, headers, onHeaders }: ToolsProps) {
  const { wish } = useMailActions();
  const ask = (what: Parameters<typeof wish>[0]) => wish(what, [message]);
  const junk = () => ask({ kind: "junk" });
  const seen = () => ask({ kind: "flags", seen: !message.seen });
  return (
    <Group gap={0} className={classes.messageTools} wrap="nowrap">
      <Back onBack={onBack} />
      <Group gap={0} ml="auto" wrap="nowrap">
        <Tool label="Archive" keys="e" icon={IconArchive} onClick={() => ask({ kind: "archive" })} />
        <Tool label="Delete" keys="#" icon={IconTrash} onClick={() => ask({ kind: "remove" })} />
        <Tool
          label="Move to a folder"
          keys="v"
          icon={IconFolderSymlink}
          onClick={() => ask({ kind: "choose folder" })}
        />
        <Tool label="Move to Junk" keys="!" icon={IconAlertOctagon} onClick={junk} wide />
        <Tool
          label={message.flagged ? "Remove the flag" : "Flag"}
          keys="s"
          icon={message.flagged ? IconFlagFilled : IconFlag}
          onClick={() => ask({ kind: "flags", flagged: !message.flagged })}
        />
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          visibleFrom="sm"
          leftSection={<Icon of={message.seen ? IconMail : IconMailOpened} />}
          onClick={seen}
        >
          {message.seen ? "Mark as unread" : "Mark as read"}
        </Button>
        <Rest message={message} headers={headers} onHeaders={onHeaders} junk={junk} seen={seen} />
      </Group>
    </Group>
  );
}

interface RestProps extends Omit<ToolsProps, "onBack"> {
  junk: () => void;
  seen: () => void;
}

function Rest({ message, headers, onHeaders, junk, seen }: RestProps) {
  // Arrow keys would stop at an item that is only hidden.
  const compact = useMediaQuery(media.compact);
  const [source, setSource] = useState(false);
  const origin = useRef<HTMLElement>(undefined);
  const close = () => {
    setSource(false);
    returnFocus(origin.current);
  };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label="More for this message">
            <Icon of={IconDotsVertical} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {compact && (
            <>
              <Menu.Item leftSection={<Icon of={IconMail} />} onClick={seen}>
                {message.seen ? "Mark as unread" : "Mark as read"}
              </Menu.Item>
              <Menu.Item leftSection={<Icon of={IconAlertOctagon} />} onClick={junk}>
                Move to Junk
              </Menu.Item>
            </>
          )}
          <Menu.Item leftSection={<Icon of={IconListDetails} />} onClick={onHeaders}>
            {headers ? "Hide the headers" : "Show all headers"}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon of={IconFileCode} />}
            onClick={() => {
              origin.current = focusOrigin();
              setSource(true);
            }}
          >
            View the source
          </Menu.Item>
          <Menu.Item
            component="a"
            href={rawAddress(message.id)}
            download
            leftSection={<Icon of={IconDownload} />}
          >
            Download the source
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {source && <SourceDialog messageId={message.id} onClose={close} onMissing={close} />}
    </>
  );
}
