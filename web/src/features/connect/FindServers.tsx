import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import type { Looked } from "../../api/client";
import { counted } from "../../lib/format";
import { Banner } from "../../ui/Banner";
import { ButtonLink } from "../../ui/links";
import classes from "./Connect.module.css";
import { Finding } from "./Finding";
import { addressTrouble } from "./form";
import { httpMayHelp, markOf, placeWords } from "./looked";
import { StepLine, StepList } from "./StepLine";
import { type DiscoveryState, useDiscovery } from "./useDiscovery";

/** An address is enough: its servers are searched for while one looks on. */
export function FindServers() {
  const [address, setAddress] = useState("");
  const [error, setError] = useState<string>();
  const { state, run, stop } = useDiscovery();
  const refused = state.trouble?.fields.find(({ field }) => field === "address")?.message;
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (refused) field.current?.focus();
  }, [refused]);

  const find = (event: FormEvent) => {
    event.preventDefault();
    const trouble = addressTrouble(address);
    setError(trouble);
    if (trouble) field.current?.focus();
    else void run({ address: address.trim() });
  };
  const onAddress = (typed: string) => {
    setAddress(typed);
    setError(undefined);
    // What was found belongs to the address before.
    if (state.phase !== "idle") stop();
  };
  return (
    <Stack gap="lg">
      <form noValidate onSubmit={find} className={classes.find}>
        <TextInput
          ref={field}
          id="address"
          className={classes.findField}
          label="Email address"
          description="Posthouse looks for its servers. No password is asked for yet."
          type="email"
          autoComplete="off"
          autoFocus
          spellCheck={false}
          placeholder="ana@acme.test"
          value={address}
          onChange={(event) => onAddress(event.currentTarget.value)}
          error={error ?? refused}
        />
        <Button type="submit" loading={state.phase === "running"} className={classes.findButton}>
          Find servers
        </Button>
      </form>
      {state.phase !== "idle" && !refused && <Search state={state} run={run} />}
    </Stack>
  );
}

interface SearchProps {
  state: DiscoveryState;
  run: ReturnType<typeof useDiscovery>["run"];
}

function Search({ state, run }: SearchProps) {
  const { phase, asked, looked, result, trouble } = state;
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (phase === "ended") root.current?.scrollIntoView?.({ block: "nearest" });
  }, [phase]);
  const found = result?.found ?? [];
  return (
    <section aria-labelledby="search-title" ref={root} className={classes.search}>
      <Stack gap="lg">
        <Title order={2} id="search-title" className={classes.wrapping}>
          {phase === "running" ? "Looking for" : "Search for"} the servers of {asked.address}
        </Title>
        {trouble && (
          <div className={classes.places}>
            <Banner
              tone="bad"
              alert
              action={
                <Button variant="default" size="compact-sm" onClick={() => void run(asked)}>
                  Try again
                </Button>
              }
            >
              {trouble.message}
            </Banner>
          </div>
        )}
        {found.length > 0 && <Findings state={state} />}
        <Places looked={looked} folded={found.length > 0} />
        {result && found.length === 0 && <NothingFound state={state} run={run} />}
        {trouble && <ByHand address={asked.address} />}
      </Stack>
    </section>
  );
}

function Findings({ state: { asked, result } }: { state: DiscoveryState }) {
  const [best, ...others] = result?.found ?? [];
  if (!best) return null;
  return (
    <>
      <div role="status">
        <Finding found={best} address={asked.address} best />
      </div>
      {others.length > 0 && (
        <Stack component="section" aria-labelledby="others-title">
          <Title order={3} id="others-title">
            Other servers that were found
          </Title>
          {others.map((found) => (
            <Finding key={JSON.stringify(found)} found={found} address={asked.address} />
          ))}
        </Stack>
      )}
      <ByHand address={asked.address} quiet />
    </>
  );
}

/** Where servers are looked for, each with what became of it. */
function Places({ looked, folded }: { looked: Looked[]; folded: boolean }) {
  if (looked.length === 0) return null;
  const list = (
    <StepList>
      {looked.map((each) => (
        <StepLine
          key={each.place}
          mark={markOf(each)}
          words={placeWords(each)}
          detail={each.asked}
          tookMs={each.outcome === "running" || each.outcome === "not_asked" ? null : each.took_ms}
        >
          {each.words && (
            <Text size="xs" c="dimmed" className={classes.wrapping}>
              {each.words}
            </Text>
          )}
        </StepLine>
      ))}
    </StepList>
  );
  if (!folded) {
    return (
      <Paper p="lg" className={classes.places} aria-live="polite">
        {list}
      </Paper>
    );
  }
  return (
    <details className={classes.fold}>
      <summary>Where Posthouse looked: {counted(looked.length, "place")}</summary>
      <div className={classes.folded}>{list}</div>
    </details>
  );
}

function NothingFound({ state: { asked, looked }, run }: SearchProps) {
  const silent = looked.some(({ outcome }) => outcome === "takes_no_mail");
  const http = !asked.allow_http && httpMayHelp(looked);
  return (
    <Stack className={classes.places}>
      <Banner tone="warn" alert>
        <Text fw={500}>No servers were found.</Text>
        <Text>
          {silent
            ? "The domain says that it takes no mail. Check the address for a typing error."
            : "Check the address for a typing error. If it is right, your provider's help pages name the servers."}
        </Text>
      </Banner>
      <ByHand address={asked.address} />
      {http && (
        <div>
          <Button variant="default" onClick={() => void run({ ...asked, allow_http: true })}>
            Ask also over an unprotected connection
          </Button>
          <Text size="xs" c="dimmed" mt="xs">
            Some providers publish their settings only there. Others on the way can change the answer, so you
            are shown the server names and asked before a password goes to them.
          </Text>
        </div>
      )}
    </Stack>
  );
}

/** The way on when the search does not help. */
function ByHand({ address, quiet = false }: { address: string; quiet?: boolean }) {
  return (
    <Group>
      <ButtonLink
        to="/accounts/add/$kind"
        params={{ kind: "custom" }}
        state={{ begun: { address } }}
        variant={quiet ? "default" : "filled"}
      >
        Enter the servers by hand
      </ButtonLink>
    </Group>
  );
}
