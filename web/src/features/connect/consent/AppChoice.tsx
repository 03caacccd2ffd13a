import { Radio, Stack } from "@mantine/core";
import type { BeginConsent, OAuthChoice } from "../../../api/client";

/** The app that an account was connected with. */
export const SAME = "same";

/** How apps stand in a form: the operator's has no id. */
export function keyOf(id: string | null | undefined): string {
  return id ?? "operator";
}

export function firstApp(choice: OAuthChoice | undefined): string {
  return keyOf(choice?.apps[0]?.id);
}

/** What a request says of a chosen app. */
export function appOf(choice: OAuthChoice, value: string): Pick<BeginConsent, "provider" | "app_id"> {
  const app = choice.apps.find(({ id }) => keyOf(id) === value);
  return { provider: choice.provider, app_id: app?.id ?? null };
}

interface AppChoiceProps {
  choice: OAuthChoice;
  value: string;
  onChange: (value: string) => void;
  /** The account has an app already. */
  known?: boolean;
}

/** By which of several apps to sign in. */
export function AppChoice({ choice, value, onChange, known = false }: AppChoiceProps) {
  if (!known && choice.apps.length < 2) return null;
  return (
    <Radio.Group
      label="Sign in by the app"
      description={`An admin registered these with ${choice.label}. When in doubt, the first.`}
      value={value}
      onChange={onChange}
    >
      <Stack gap="sm" my="xs">
        {known && <Radio value={SAME} label="The one of last time" />}
        {choice.apps.map(({ id, name }) => (
          <Radio key={keyOf(id)} value={keyOf(id)} label={<span dir="auto">{name}</span>} />
        ))}
      </Stack>
    </Radio.Group>
  );
}
