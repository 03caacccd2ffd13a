import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { safeReturnPath } from "../../lib/paths";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Mark } from "../../ui/Brand";
import { BarePage } from "../../ui/Page";
import { SecretInput } from "../../ui/SecretInput";
import { setupQuery, useBeginSession } from "./queries";

function refusal(error: unknown): string {
  const problem = asApiError(error);
  if (problem.code === "wrong_credentials") return "Email or password is not right.";
  if (problem.code === "rate_limited") {
    const minutes = problem.retryAfterSecs ? Math.ceil(problem.retryAfterSecs / 60) : undefined;
    return minutes
      ? `Too many tries. Wait ${minutes} min, then try again.`
      : "Too many tries. Wait a little, then try again.";
  }
  return problem.message;
}

function useEnter(next: string | undefined) {
  const navigate = useNavigate();
  return () => navigate({ href: safeReturnPath(next), replace: true });
}

export function SignInPage({ link, next }: { link: string | undefined; next: string | undefined }) {
  return (
    <BarePage name="Sign in">
      <Stack gap="lg">
        <Group gap="sm">
          <Mark />
          <Title order={1}>Sign in to Posthouse</Title>
        </Group>
        {link ? <LinkSignIn token={link} next={next} /> : <PasswordSignIn next={next} />}
      </Stack>
    </BarePage>
  );
}

/** A one-time link works once, so it is posted by the page and never by opening the address. */
function LinkSignIn({ token, next }: { token: string; next: string | undefined }) {
  const begin = useBeginSession();
  const enter = useEnter(next);
  const started = useRef(false);
  const start = () => begin.mutate({ by: "link", token }, { onSuccess: enter });
  const first = useRef(start);
  useEffect(() => {
    if (started.current) return;
    started.current = true;
    first.current();
  }, []);
  return (
    <Paper p="xl">
      <Stack>
        {begin.error ? (
          <Banner tone="bad" alert>
            {asApiError(begin.error).message}
          </Banner>
        ) : (
          <Text>Signing you in with the link.</Text>
        )}
        <Button onClick={start} loading={begin.isPending || begin.isSuccess} fullWidth>
          Sign in
        </Button>
        {begin.error && (
          <Button variant="default" component="a" href="/sign-in" fullWidth>
            Use email and password
          </Button>
        )}
      </Stack>
    </Paper>
  );
}

function PasswordSignIn({ next }: { next: string | undefined }) {
  const begin = useBeginSession();
  const enter = useEnter(next);
  const setup = useQuery(setupQuery);
  const password = useRef<HTMLInputElement>(null);
  const form = useForm({
    initialValues: { email: "", password: "" },
    validate: {
      email: (value) => (value.trim() ? null : "Enter your email address."),
      password: (value) => (value ? null : "Enter your password."),
    },
  });
  if (setup.data?.needed) {
    return (
      <Banner tone="idle">
        <Text>This Posthouse has no owner yet.</Text>
        <Text c="dimmed" size="xs">
          The server printed a one-time setup link when it started. Open that link to create the owner.
        </Text>
      </Banner>
    );
  }
  const submit = form.onSubmit((values) =>
    begin.mutate(
      { by: "password", email: values.email.trim(), password: values.password },
      { onSuccess: enter, onError: () => password.current?.select() },
    ),
  );
  return (
    <Paper p="xl">
      <form onSubmit={submit} noValidate>
        <Stack>
          {begin.error && (
            <Banner tone="bad" alert>
              {refusal(begin.error)}
            </Banner>
          )}
          <TextInput
            label="Email"
            type="email"
            autoComplete="username"
            data-autofocus
            autoFocus
            {...form.getInputProps("email")}
          />
          <SecretInput
            label="Password"
            autoComplete="current-password"
            ref={password}
            {...form.getInputProps("password")}
          />
          <Button type="submit" loading={begin.isPending || begin.isSuccess} fullWidth mt="xs">
            Sign in
          </Button>
        </Stack>
      </form>
    </Paper>
  );
}
