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

function begin(kind: ProviderKind, begun: Begun | undefined): NewValues {
  const empty = withAddress(emptyOf(kind), begun?.address ?? "");
  return begun?.found ? withFound(empty, begun.found) : empty;
}

/** A form for a new account of this kind, filled with what was found before. */
export function useNewAccount(kind: ProviderKind, complete?: (form: FormOf<NewValues>) => Promise<void>) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const router = useRouter();
  // Read once: the form goes its own way from there.
  const [begun] = useState(() => router.state.location.state.begun);
  const [initial] = useState(() => begin(kind, begun));
  const connect = useMutation({
    mutationFn: (body: ConnectRequest) => unwrap(patientHttp.POST("/accounts", { body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.accounts }),
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
      await navigate({ to: "/accounts" });
    },
  });
  useUnsavedForm(form, connect.isSuccess);
  return { form, flow, saving: connect.isPending || connect.isSuccess, begun };
}
