import { useDebouncedValue } from "@mantine/hooks";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import type { Found } from "../../api/client";
import { keys } from "../../api/keys";
import { streamDiscovery } from "../../api/streams";
import { addressTrouble, type FormOf, type NewValues, refilled } from "./form";
import type { KnownKind } from "./kinds";

/** So long after the last letter the address is taken as typed. */
const TYPED_MS = 300;

/** The servers of an address at a provider that we know. Nobody else is asked. */
function serversQuery(kind: KnownKind, address: string) {
  return queryOptions({
    queryKey: keys.servers(kind, address),
    queryFn: async ({ signal }) => {
      const { found } = await streamDiscovery({ address, kind }, () => undefined, signal);
      return found[0] ?? null;
    },
    staleTime: Number.POSITIVE_INFINITY,
    // The address may be half typed: a refusal is no reason to ask again.
    retry: false,
  });
}

type Sides = Pick<NewValues, "smtp" | "imap">;

/** Fills in the servers of a provider that we know, as soon as the address is typed, and at the latest before they are needed. */
export function useKnownServers(kind: KnownKind) {
  const queryClient = useQueryClient();
  const filled = useRef<Sides>(undefined);

  const fill = useCallback((form: FormOf<NewValues>, found: Found | null) => {
    if (!found) return;
    const next = refilled(form.getValues(), filled.current ?? form.getInitialValues(), found);
    filled.current = { smtp: next.smtp, imap: next.imap };
    form.setValues(next);
  }, []);

  const complete = useCallback(
    async (form: FormOf<NewValues>) => {
      const address = form.getValues().address.trim();
      // What is wrong with it is said under its field.
      if (addressTrouble(address)) return;
      fill(form, await queryClient.ensureQueryData(serversQuery(kind, address)));
    },
    [fill, kind, queryClient],
  );
  return { fill, complete };
}

/** Asks for the servers while the rest of the form is filled in. */
export function usePrefetchedServers(
  kind: KnownKind,
  form: FormOf<NewValues>,
  fill: (form: FormOf<NewValues>, found: Found | null) => void,
): void {
  const [address] = useDebouncedValue(form.getValues().address.trim(), TYPED_MS);
  const { data } = useQuery({
    ...serversQuery(kind, address),
    enabled: addressTrouble(address) === undefined,
  });
  const newest = useRef(form);
  newest.current = form;
  useEffect(() => {
    // The answer to an address that was changed meanwhile is not taken.
    if (data && newest.current.getValues().address.trim() === address) fill(newest.current, data);
  }, [data, address, fill]);
}
