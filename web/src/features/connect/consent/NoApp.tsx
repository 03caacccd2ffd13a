import { Stack, Text } from "@mantine/core";
import { Banner } from "../../../ui/Banner";
import { AnchorLink, ButtonLink } from "../../../ui/links";
import { useAdmin } from "../../session/queries";

/** Nobody has registered an app with the provider yet, and there is no other way in. */
export function NoApp({ label }: { label: string }) {
  const admin = useAdmin();
  return (
    <Banner tone="idle">
      <Stack gap="sm" align="flex-start">
        <div>
          <Text fw={500}>Signing in with {label} is not set up yet</Text>
          <Text>
            {label} lets programs in only as a registered OAuth app, once for the whole team.{" "}
            {admin
              ? "Settings, Providers has the steps; it takes about ten minutes."
              : "Ask an admin of your workspace to add one under Settings, Providers."}
          </Text>
        </div>
        {admin && <ButtonLink to="/settings/providers">Set up an OAuth app</ButtonLink>}
      </Stack>
    </Banner>
  );
}

/** The same in a line, where an app password does as well. */
export function NoAppLine({ label }: { label: string }) {
  const admin = useAdmin();
  return (
    <Text c="dimmed" mb="lg">
      Signing in with {label} is not set up here.{" "}
      {admin ? (
        <>
          You can add an OAuth app under{" "}
          <AnchorLink to="/settings/providers" underline="always">
            Settings, Providers
          </AnchorLink>
          .
        </>
      ) : (
        "An admin can add an OAuth app under Settings, Providers."
      )}{" "}
      An app password works now.
    </Text>
  );
}
