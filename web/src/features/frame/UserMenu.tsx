import { Avatar, type MantineColorScheme, Menu, Text, useMantineColorScheme } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import {
  IconCheck,
  IconDeviceDesktop,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconSelector,
  IconSun,
} from "@tabler/icons-react";
import { asApiError } from "../../lib/problem";
import { initials, isolated } from "../../lib/texts";
import { Icon } from "../../ui/Icon";
import { useSession, useSignOut } from "../session/queries";
import classes from "./Shell.module.css";

const SCHEMES: { value: MantineColorScheme; label: string; icon: typeof IconSun }[] = [
  { value: "light", label: "Light", icon: IconSun },
  { value: "dark", label: "Dark", icon: IconMoon },
  { value: "auto", label: "Like the system", icon: IconDeviceDesktop },
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
        {SCHEMES.map(({ value, label, icon }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon of={icon} />}
            rightSection={colorScheme === value ? <Icon of={IconCheck} /> : undefined}
            role="menuitemradio"
            aria-checked={colorScheme === value}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
        <Menu.Divider role="separator" />
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
