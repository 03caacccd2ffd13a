/** Mantine's looks on the router's links, with typed addresses. */
import {
  Anchor,
  type AnchorProps,
  Button,
  type ButtonProps,
  Menu,
  type MenuItemProps,
  NavLink,
  type NavLinkProps,
} from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ComponentProps } from "react";

type Own<P> = P & Omit<ComponentProps<"a">, keyof P>;

export const AnchorLink = createLink((props: Own<AnchorProps>) => <Anchor component="a" {...props} />);
export const ButtonLink = createLink((props: Own<ButtonProps>) => <Button component="a" {...props} />);
export const MenuLink = createLink((props: Own<MenuItemProps>) => <Menu.Item component="a" {...props} />);
export const SideLink = createLink((props: Own<NavLinkProps>) => <NavLink component="a" {...props} />);
