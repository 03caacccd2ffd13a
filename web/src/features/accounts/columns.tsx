import { Text, Tooltip } from "@mantine/core";
import { createColumnHelper } from "@tanstack/react-table";
import type { AccountRow } from "../../api/client";
import { count } from "../../lib/format";
import { isolated } from "../../lib/texts";
import { AnchorLink, ButtonLink } from "../../ui/links";
import classes from "./Accounts.module.css";
import { HealthRing } from "./HealthRing";
import { StatusCell } from "./StatusCell";
import { TagBadges } from "./TagBadges";

const column = createColumnHelper<AccountRow>();

/** How much fits: cards, those columns without which no list is one, those that matter most, or all. */
export type Density = "cards" | "few" | "middle" | "full";

export function ownerName(account: AccountRow): string {
  return account.user?.name ?? "Team";
}

function NameCell({ account, density }: { account: AccountRow; density: Density }) {
  return (
    <>
      <AnchorLink
        to="/accounts/$id/mail"
        params={{ id: account.id }}
        className={classes.name}
        title={account.display_name || account.address}
        dir="auto"
      >
        {account.display_name || account.address}
      </AnchorLink>
      <div className={classes.second}>
        <Text size="xs" c="dimmed" truncate title={account.address}>
          {account.address}
          {(density === "few" || density === "middle") &&
            ` · ${isolated(account.provider_label)} · ${isolated(ownerName(account))}`}
        </Text>
        <TagBadges tags={account.tags} />
      </div>
      {density === "cards" && (
        <>
          <div className={classes.cardState}>
            <StatusCell account={account} />
          </div>
          <Text size="xs" c="dimmed" className={classes.cardMore}>
            <Words>{account.provider_label}</Words>·<Words>{ownerName(account)}</Words>
            <span className={classes.whole}>· {count(account.sent_total)} sent</span>
          </Text>
        </>
      )}
    </>
  );
}

function SentCell({ account }: { account: AccountRow }) {
  return (
    <Tooltip label={`Today: ${count(account.sent_today)}`}>
      <span className="figures">{count(account.sent_total)}</span>
    </Tooltip>
  );
}

/** Words that a narrow column may cut off: all of them on hover. */
function Words({ children }: { children: string }) {
  return (
    <span title={children} className={classes.words} dir="auto">
      {children}
    </span>
  );
}

/** The table's columns. An `id` that can be sorted is the name the server sorts by. */
export const columns = [
  column.display({
    id: "address",
    header: "Account",
    enableSorting: true,
    cell: ({ row, table }) => (
      <NameCell account={row.original} density={table.options.meta?.density ?? "full"} />
    ),
  }),
  column.accessor("provider_label", {
    id: "provider",
    header: "Provider",
    enableSorting: true,
    cell: (cell) => <Words>{cell.getValue()}</Words>,
  }),
  column.accessor(ownerName, {
    id: "user",
    header: "User",
    enableSorting: true,
    cell: (cell) => <Words>{cell.getValue()}</Words>,
  }),
  column.accessor("health", {
    header: "Health",
    enableSorting: true,
    cell: (cell) => <HealthRing score={cell.getValue()} />,
  }),
  column.accessor("sent_total", {
    id: "sent",
    header: "Emails sent",
    enableSorting: true,
    cell: ({ row }) => <SentCell account={row.original} />,
  }),
  column.accessor("status", {
    header: "Status",
    enableSorting: true,
    cell: ({ row }) => <StatusCell account={row.original} />,
  }),
  column.display({
    id: "edit",
    header: "Edit",
    enableSorting: false,
    cell: ({ row }) => (
      <ButtonLink
        to="/accounts/$id/settings"
        params={{ id: row.original.id }}
        variant="subtle"
        color="gray"
        size="compact-sm"
        aria-label={`Edit ${row.original.address}`}
      >
        Edit
      </ButtonLink>
    ),
  }),
  column.display({
    id: "actions",
    header: "Actions",
    enableSorting: false,
    cell: ({ row, table }) => table.options.meta?.menu(row.original),
  }),
];

export const COLUMNS_SHOWN: Record<Density, string[]> = {
  full: ["address", "provider", "user", "health", "sent", "status", "edit", "actions"],
  middle: ["address", "health", "sent", "status", "edit", "actions"],
  few: ["address", "status", "actions"],
  cards: ["address", "actions"],
};
