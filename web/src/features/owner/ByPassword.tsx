import { Button, Stack, Text, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { ConnectStep, OwnerLinkPage } from "../../api/client";
import { keys } from "../../api/keys";
import { streamOwnerLink } from "../../api/streams";
import { asApiError } from "../../lib/problem";
import { useOneAtATime } from "../../ui/action";
import { SecretInput } from "../../ui/SecretInput";
import { withoutGroups } from "../connect/form";
import { NoteList } from "../connect/NoteList";
import { withStep } from "../connect/steps";
import { TestPanel } from "../connect/TestPanel";
import type { TestState } from "../connect/useConnectTest";
import classes from "./Owner.module.css";

const IDLE: TestState = { phase: "idle", steps: [], sides: [], result: undefined, trouble: undefined };
/** What the link is worth no more: the page then says why instead. */
const OVER = /^link_/;

interface Typed {
  password: string;
  smtp_password: string;
}

function useConnect(token: string, { imap, smtp }: OwnerLinkPage, onDone: () => void) {
  const queryClient = useQueryClient();
  const [state, setState] = useState(IDLE);
  const running = useRef<AbortController>(null);
  useEffect(() => () => running.current?.abort(), []);
  const sides = (["imap", "smtp"] as const).flatMap((side) => {
    const server = side === "imap" ? imap : smtp;
    return server ? [{ side, encryption: server.encryption }] : [];
  });
  const run = async ({ password, smtp_password }: Typed) => {
    const control = new AbortController();
    running.current = control;
    setState({ ...IDLE, phase: "running", sides });
    const onStep = (step: ConnectStep) => setState((now) => ({ ...now, steps: withStep(now.steps, step) }));
    try {
      const body = { token, password, ...(smtp_password ? { smtp_password } : {}) };
      const { ok, imap_ok, smtp_ok, text, code } = await streamOwnerLink(body, onStep, control.signal);
      if (ok) onDone();
      const result = { ok: ok || Boolean(text), imap_ok: imap_ok ?? null, smtp_ok: smtp_ok ?? null };
      setState((now) => ({ ...now, phase: "ended", result, trouble: text ?? undefined }));
      if (code && OVER.test(code)) await queryClient.resetQueries({ queryKey: keys.ownerLook(token) });
    } catch (error) {
      if (control.signal.aborted) return;
      const problem = asApiError(error);
      setState((now) => ({ ...now, phase: "ended", trouble: problem.message }));
      if (OVER.test(problem.code)) await queryClient.resetQueries({ queryKey: keys.ownerLook(token) });
    }
  };
  return { state, run };
}

const MISSING = "Enter the password.";

/** The owner types the password; the servers are tested with it, and then it is saved. */
export function ByPassword(props: { token: string; link: OwnerLinkPage; onDone: () => void }) {
  const { token, link, onDone } = props;
  const { state, run } = useConnect(token, link, onDone);
  const once = useOneAtATime();
  const { imap, smtp } = link;
  const two = Boolean(imap && smtp && imap.username !== smtp.username);
  const form = useForm<Typed>({
    initialValues: { password: "", smtp_password: "" },
    validate: {
      password: (value) => (value ? null : MISSING),
      smtp_password: (value) => (two && !value ? MISSING : null),
    },
  });
  const submit = form.onSubmit(({ password, smtp_password }) => {
    // Only the providers that show app passwords in groups mean them without.
    const plain = (typed: string) => (link.notes.length > 0 ? withoutGroups(typed) : typed);
    void once(() => run({ password: plain(password), smtp_password: two ? plain(smtp_password) : "" }));
  });
  const label = link.notes.length > 0 ? "App password" : "Password";
  const first = imap ?? smtp;
  return (
    <Stack gap="lg">
      {link.notes.length > 0 && (
        <section aria-labelledby="first-steps">
          <Title order={2} id="first-steps" mb="sm">
            First, at {link.provider_label}
          </Title>
          <NoteList notes={link.notes} />
        </section>
      )}
      <form onSubmit={submit} noValidate>
        <Stack>
          <SecretInput
            label={two ? `${label} of the incoming server` : label}
            description={first && <span className={classes.wrapping}>For {first.username}.</span>}
            autoComplete="current-password"
            {...form.getInputProps("password")}
          />
          {two && (
            <SecretInput
              label={`${label} of the outgoing server`}
              description={smtp && <span className={classes.wrapping}>For {smtp.username}.</span>}
              autoComplete="off"
              {...form.getInputProps("smtp_password")}
            />
          )}
          <Text size="xs" c="dimmed" className={classes.wrapping}>
            It goes to {places(link)} and nowhere else, is kept encrypted, and is shown to nobody.
          </Text>
          <Button type="submit" loading={state.phase === "running"} fullWidth>
            Connect mailbox
          </Button>
        </Stack>
      </form>
      {state.phase !== "idle" && <TestPanel state={state} />}
    </Stack>
  );
}

function places({ imap, smtp }: OwnerLinkPage): string {
  const place = (server: { host: string; port: number }) => `${server.host}:${server.port}`;
  return [...new Set([imap, smtp].flatMap((server) => (server ? [place(server)] : [])))].join(" and ");
}
