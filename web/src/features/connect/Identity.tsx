import { Group, Radio, Stack, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { isolated } from "../../lib/texts";
import { useSession } from "../session/queries";
import { type FormOf, type NewValues, withAddress } from "./form";

interface IdentityProps {
  form: FormOf<NewValues>;
  /** What the provider is called where no name is typed; without it no name is asked for. */
  providerLabel?: string;
  /** Between the names and the user. */
  children?: ReactNode;
}

/** Whose account it is: address, names, user. */
export function Identity({ form, providerLabel, children }: IdentityProps) {
  const { workspace } = useSession();
  // The first thing that is still to be typed.
  const addressKnown = form.getInitialValues().address !== "";
  return (
    <Stack>
      <TextInput
        id="address"
        label="Email address"
        type="email"
        autoComplete="off"
        autoFocus={!addressKnown}
        placeholder="ana@acme.test"
        {...form.getInputProps("address")}
        onChange={(event) => {
          form.setValues(withAddress(form.getValues(), event.currentTarget.value));
          form.clearFieldError("address");
        }}
      />
      <TextInput
        id="display_name"
        dir="auto"
        label="Display name"
        placeholder="Ana Diaz"
        description="Recipients see it before the address."
        autoComplete="off"
        autoFocus={addressKnown}
        {...form.getInputProps("display_name")}
      />
      {providerLabel && (
        <TextInput
          id="provider_name"
          dir="auto"
          label="Provider name"
          placeholder={providerLabel}
          description="Shown in the Provider column."
          autoComplete="off"
          {...form.getInputProps("provider_name")}
        />
      )}
      {children}
      <Radio.Group
        label="User"
        description={`A team account belongs to everybody in ${isolated(workspace.name)}.`}
        {...form.getInputProps("owner")}
      >
        <Group gap="lg" my="xs">
          <Radio value="me" label="Me" />
          <Radio value="team" label="Team" />
        </Group>
      </Radio.Group>
    </Stack>
  );
}
