import { Button, Group, Paper, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { PASSWORD_MIN } from "../../lib/password";
import { asApiError } from "../../lib/problem";
import { ownTimeZone, timeZones } from "../../lib/time";
import { Banner } from "../../ui/Banner";
import { Mark } from "../../ui/Brand";
import { ErrorSummary, type SummaryEntry } from "../../ui/ErrorSummary";
import { BarePage } from "../../ui/Page";
import { SecretInput } from "../../ui/SecretInput";
import { PasswordHint } from "./PasswordHint";
import { type SetupValues, setupQuery, useBeginSession } from "./queries";

export function SetupPage({ token }: { token: string | undefined }) {
  return (
    <BarePage name="Set up">
      <Stack gap="lg">
        <Stack gap="xs">
          <Group gap="sm">
            <Mark />
            <Title order={1}>Set up Posthouse</Title>
          </Group>
          <Text c="dimmed">You become the owner of this installation and of its first workspace.</Text>
        </Stack>
        {token ? <WhenNeeded token={token} /> : <NoToken />}
      </Stack>
    </BarePage>
  );
}

/** An installation that has its owner says so before anything is typed. */
function WhenNeeded({ token }: { token: string }) {
  const setup = useQuery(setupQuery);
  if (setup.data && !setup.data.needed) {
    return (
      <Banner tone="warn">
        This installation has its owner already, so the setup link no longer works.{" "}
        <Link to="/sign-in">Sign in</Link> instead.
      </Banner>
    );
  }
  return <SetupForm token={token} />;
}

function NoToken() {
  return (
    <Banner tone="warn">
      This address is not complete. Open the whole setup link that the server printed when it started.
    </Banner>
  );
}

const REQUIRED: Record<keyof SetupValues, string> = {
  name: "Enter your name.",
  email: "Enter your email address.",
  password: "Choose a password.",
  workspace_name: "Name the workspace.",
  time_zone: "Choose a time zone.",
};

function validate(values: SetupValues): Partial<Record<keyof SetupValues, string>> {
  const errors: Partial<Record<keyof SetupValues, string>> = {};
  for (const field of Object.keys(REQUIRED) as (keyof SetupValues)[]) {
    if (!values[field]?.trim()) errors[field] = REQUIRED[field];
  }
  if (!errors.email && !/^\S+@\S+$/.test(values.email.trim()))
    errors.email = "Enter a whole address, like ana@acme.test.";
  if (!errors.password && values.password.length < PASSWORD_MIN) {
    errors.password = `Use at least ${PASSWORD_MIN} characters.`;
  }
  return errors;
}

function SetupForm({ token }: { token: string }) {
  const navigate = useNavigate();
  const begin = useBeginSession();
  const zones = useMemo(timeZones, []);
  const [summary, setSummary] = useState<SummaryEntry[]>([]);
  const [round, setRound] = useState(0);
  const form = useForm<SetupValues>({
    initialValues: { name: "", email: "", password: "", workspace_name: "", time_zone: ownTimeZone() },
    validate,
  });
  const show = (entries: SummaryEntry[]) => {
    setSummary(entries);
    setRound((value) => value + 1);
  };
  const submit = form.onSubmit(
    (values) => {
      setSummary([]);
      begin.mutate(
        { by: "setup", token, values: { ...values, email: values.email.trim() } },
        {
          onSuccess: () => navigate({ to: "/accounts", replace: true }),
          onError: (error) => {
            const problem = asApiError(error);
            form.setErrors(Object.fromEntries(problem.fields.map((each) => [each.field, each.message])));
            show(problem.fields.length > 0 ? problem.fields : [{ message: problem.message }]);
          },
        },
      );
    },
    (errors) => show(Object.entries(errors).map(([field, message]) => ({ field, message: String(message) }))),
  );
  return (
    <Paper p="xl">
      <form onSubmit={submit} noValidate>
        <Stack>
          <ErrorSummary entries={summary} round={round} />
          <TextInput
            id="name"
            label="Your name"
            autoComplete="name"
            autoFocus
            {...form.getInputProps("name")}
          />
          <TextInput
            id="email"
            label="Email"
            type="email"
            autoComplete="username"
            description="You sign in with it."
            {...form.getInputProps("email")}
          />
          <SecretInput
            id="password"
            label="Password"
            autoComplete="new-password"
            description={
              <PasswordHint password={form.values.password} known={[form.values.name, form.values.email]} />
            }
            {...form.getInputProps("password")}
          />
          <TextInput
            id="workspace_name"
            label="Workspace name"
            placeholder="Acme"
            autoComplete="organization"
            description="Your team or company."
            {...form.getInputProps("workspace_name")}
          />
          <Select
            id="time_zone"
            label="Time zone"
            searchable
            data={zones}
            limit={60}
            nothingFoundMessage="No zone of this name"
            description="It decides when “today” begins in every figure."
            {...form.getInputProps("time_zone")}
          />
          <Button type="submit" loading={begin.isPending || begin.isSuccess} fullWidth mt="xs">
            Create workspace
          </Button>
        </Stack>
      </form>
    </Paper>
  );
}
