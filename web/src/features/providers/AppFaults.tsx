import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { counted } from "../../lib/format";
import { isolated } from "../../lib/texts";
import { Banner } from "../../ui/Banner";
import { AnchorLink } from "../../ui/links";
import { Time } from "../../ui/Time";
import { oauthProvidersQuery } from "./queries";

/** For admins, above the accounts: apps that their providers refuse, each once, however many accounts wait for it. */
export default function AppFaults() {
  const { data } = useQuery(oauthProvidersQuery);
  const refused = data?.items.flatMap(({ label, provider, apps }) =>
    apps.flatMap(({ id, name, accounts, fault }) =>
      fault ? [{ key: `${provider} ${id ?? ""}`, label, name, accounts, since: fault.since }] : [],
    ),
  );
  if (!refused?.length) return null;
  return (
    <Stack gap="sm" mb="md">
      {refused.map(({ key, label, name, accounts, since }) => (
        <Banner key={key} tone="bad">
          {label} refuses the app “{isolated(name)}” since <Time at={since} as="list" />:{" "}
          {accounts === 0
            ? "no account uses it yet"
            : counted(accounts, "account uses it", "accounts use it")}
          .{" "}
          <AnchorLink to="/settings/providers" underline="always">
            Open the providers
          </AnchorLink>
        </Banner>
      ))}
    </Stack>
  );
}
