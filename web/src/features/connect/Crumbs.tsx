import { Breadcrumbs, Text } from "@mantine/core";
import { AnchorLink } from "../../ui/links";

export function Crumbs({ here, add = false }: { here: string; add?: boolean }) {
  return (
    <Breadcrumbs separator="›" mb="xs">
      <AnchorLink to="/accounts" size="xs" c="dimmed">
        Accounts
      </AnchorLink>
      {add && (
        <AnchorLink to="/accounts/add" size="xs" c="dimmed">
          Connect email
        </AnchorLink>
      )}
      <Text size="xs" c="dimmed">
        {here}
      </Text>
    </Breadcrumbs>
  );
}
