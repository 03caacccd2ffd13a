import { Avatar, type MantineColorScheme, Menu, Text, useMantineColorScheme } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBell, IconCheck, IconKeyboard, IconLogout, IconSelector } from "@tabler/icons-react";
import { asApiError } from "../../lib/problem";
import { initials, isolated } from "../../lib/texts";
import { Icon } from "../../ui/Icon";
import { MenuLink } from "../../ui/links";
import { useSession, useSignOut } from "../session/queries";
import classes from "./Shell.module.css";

const SCHEMES: { value: MantineColorScheme; label: string }[] = [
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
  { value: "auto", label: "Like the system" },
];

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const { user, instance } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  return (
    <Menu position="top-start" width="target">
      <Menu.Target>
        <button type="button" className={classes.user} aria-label={`${isolated(user.name)}, account menu`}>
          <Avatar size="sm" color="iris">
            {initials(user.name)}
          </Avatar>
          <Text className={classes.userName} size="xs" fw={500} truncate dir="auto">
            {user.name}
          </Text>
          <Icon of={IconSelector} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="xs" truncate>
            {user.email}
          </Text>
        </Menu.Label>
        <Menu.Divider role="separator" />
        <Menu.Label>Appearance</Menu.Label>
        <Menu.RadioGroup
          value={colorScheme}
          onChange={(value) => setColorScheme(value as MantineColorScheme)}
        >
          {SCHEMES.map(({ value, label }) => (
            <Menu.RadioItem key={value} value={value} checkIcon={<Icon of={IconCheck} />} closeMenuOnClick>
              {label}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider role="separator" />
        <MenuLink to="/settings/notifications" leftSection={<Icon of={IconBell} />}>
          Notifications
        </MenuLink>
        <Menu.Item leftSection={<Icon of={IconKeyboard} />} onClick={onShortcuts}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon of={IconLogout} />}
          onClick={() =>
            signOut.mutate(undefined, {
              onError: (error) =>
                notifications.show({
                  color: "red",
                  title: "Not signed out",
                  message: asApiError(error).message,
                }),
            })
          }
        >
          Sign out
        </Menu.Item>
        <Menu.Divider role="separator" />
        <Menu.Label>Posthouse {instance.version}</Menu.Label>
      </Menu.Dropdown>
    </Menu>
  );
}
