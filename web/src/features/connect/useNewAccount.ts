import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { type ConnectRequest, type Found, type ProviderKind, patientHttp, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { checkNew, emptyOf, type FormOf, type NewValues, toRequest, withAddress, withFound } from "./form";
import { useConnectForm, useUnsavedForm } from "./useConnectForm";

/** What the search for servers hands to the form that it leads to. It stays with the entry of the browser's history. */
export interface Begun {
  address: string;
  found?: Found;
}

declare module "@tanstack/react-router" {
  interface HistoryState {
    begun?: Begun;
  }
}

/** The beginning of a form of this kind: empty, or with what was found. */
export function beginning(kind: ProviderKind, begun: Begun | undefined): NewValues {
  const empty = withAddress(emptyOf(kind), begun?.address ?? "");
  return begun?.found ? withFound(empty, begun.found) : empty;
}

/** What the page before handed over. Read once: the form goes its own way from there. */
export function useBegun(): Begun | undefined {
  const router = useRouter();
  const [begun] = useState(() => router.state.location.state.begun);
  return begun;
}

interface Ways {
  complete?: (form: FormOf<NewValues>) => Promise<void>;
  /** What was typed before another way to connect was chosen. */
  typed?: NewValues | undefined;
}

/** A form for a new account of this kind, filled with what was found before. */
export function useNewAccount(kind: ProviderKind, { complete, typed }: Ways = {}) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const begun = useBegun();
  const [initial] = useState(() => typed ?? beginning(kind, begun));
  const connect = useMutation({
    mutationFn: (body: ConnectRequest) => unwrap(patientHttp.POST("/accounts", { body })),
    onSuccess: async (account) => {
      await queryClient.invalidateQueries({ queryKey: keys.accounts });
      queryClient.setQueryData(keys.account(account.id), account);
    },
  });
  const { form, ...flow } = useConnectForm({
    testPath: "/accounts/test",
    initial,
    check: checkNew,
    toBody: toRequest,
    ...(complete ? { complete } : {}),
    save: async (body) => {
      const account = await connect.mutateAsync(body);
      notifications.show({ message: `${account.address} is connected.` });
      if (account.imap) await navigate({ to: "/accounts/$id/start", params: { id: account.id } });
      else await navigate({ to: "/accounts" });
    },
  });
  useUnsavedForm(form, connect.isSuccess);
  return { form, flow, saving: connect.isPending || connect.isSuccess, begun };
}
