import { Breadcrumbs, Button, Group, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconSend } from "@tabler/icons-react";
import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Account, AccountRow } from "../../api/client";
import { isGone } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import { AnchorLink } from "../../ui/links";
import { useShortcuts } from "../../ui/shortcuts";
import { useSendPanel } from "../send/SendPanelProvider";
import { AccountGone } from "./AccountGone";
import classes from "./AccountLayout.module.css";
import { AccountMenuButton, useDeleteDialog, usePausing } from "./AccountMenu";
import { accountQuery } from "./queries";
import { StatusBadge } from "./StatusCell";
import { TagBadges } from "./TagBadges";

export type AccountTab = "mail" | "outbox" | "sync" | "settings";

const TABS = [
  { value: "mail", to: "/accounts/$id/mail", label: "Email list" },
  { value: "outbox", to: "/accounts/$id/outbox", label: "Outbox" },
  { value: "sync", to: "/accounts/$id/sync", label: "Sync" },
  { value: "settings", to: "/accounts/$id/settings", label: "Settings" },
] as const;

interface LayoutProps {
  id: string;
  /** None on pages that are reached from elsewhere. */
  tab: AccountTab | undefined;
  /** The name of such a page. */
  page: string | undefined;
  /** A message is open: on a small screen it takes the whole page. */
  reading: boolean;
  children: ReactNode;
}

/** The head that all pages of one account share. */
export function AccountLayout({ id, tab, page, reading, children }: LayoutProps) {
  const { data: account, error } = useSuspenseQuery(accountQuery(id));
  const navigate = useNavigate();
  const { open } = useSendPanel();
  const { ask, dialog } = useDeleteDialog(() => void navigate({ to: "/accounts" }));
  const gone = isGone(error);
  useShortcuts(
    account.can_send && !gone
      ? [{ keys: "c", label: "Send email", group: "This page", run: () => open(account) }]
      : [],
  );
  // The dialog that deleted the account outlives it: it has its last words to say.
  return (
    <>
      {gone ? (
        <AccountGone address={account.address} />
      ) : (
        <div className={classes.layout} data-full-height data-reading={reading || undefined}>
          <Head account={account} tab={tab} page={page} onSend={() => open(account)} onDelete={ask} />
          <div className={classes.body}>{children}</div>
        </div>
      )}
      {dialog}
    </>
  );
}

function PausedBanner({ account }: { account: Account }) {
  const { toggle, pending } = usePausing(account);
  const resume = account.can_manage && (
    <Button size="compact-sm" variant="default" loading={pending} onClick={toggle}>
      Resume
    </Button>
  );
  return (
    <div className={classes.paused}>
      <Banner tone="idle" action={resume}>
        This account is paused: nothing is fetched, and what is to be sent waits.
      </Banner>
    </div>
  );
}

interface HeadProps {
  account: Account;
  tab: AccountTab | undefined;
  page: string | undefined;
  onSend: () => void;
  onDelete: (account: AccountRow) => void;
}

function Head({ account, tab, page, onSend, onDelete }: HeadProps) {
  const name = account.display_name || account.address;
  const title = TABS.find(({ value }) => value === tab)?.label ?? page ?? "Account";
  useDocumentTitle(`${title} – ${account.address} – Posthouse`);
  return (
    <header className={classes.header}>
      <Breadcrumbs className={classes.crumbs} separator="›">
        <AnchorLink to="/accounts" size="xs" c="dimmed">
          Accounts
        </AnchorLink>
        <Text size="xs" c="dimmed" truncate>
          {account.address}
        </Text>
      </Breadcrumbs>
      <Group justify="space-between" gap="sm" wrap="nowrap">
        <div className={classes.names}>
          <Title order={1} className={classes.name} title={name} dir="auto">
            {name}
          </Title>
          <StatusBadge account={account} />
          <TagBadges tags={account.tags} />
        </div>
        <Group gap="xs" wrap="nowrap" className={classes.actions}>
          {account.can_send && (
            <Button variant="default" leftSection={<Icon of={IconSend} />} onClick={onSend}>
              Send email
            </Button>
          )}
          <AccountMenuButton account={account} onDelete={onDelete} />
        </Group>
      </Group>
      {account.status === "paused" && <PausedBanner account={account} />}
      <nav className={classes.tabs} aria-label={`Pages of ${account.address}`}>
        {TABS.map(({ value, to, label }) => (
          <Link
            key={value}
            to={to}
            params={{ id: account.id }}
            className={classes.tab}
            aria-current={tab === value ? "page" : undefined}
          >
            {label}
          </Link>
        ))}
      </nav>
    </header>
  );
}
