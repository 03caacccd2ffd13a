/** What people change about notices. */
import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useAction } from "../../ui/action";

export const mailSettingsQuery = queryOptions({
  queryKey: keys.noticeMail,
  queryFn: ({ signal }) => unwrap(http.GET("/notices/mail", { signal })),
});

export function useMarkRead() {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (upTo: string) => unwrap(http.POST("/notices/read", { body: { up_to: upTo } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.noticeList }),
  });
}

export function useWantMail() {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (mails: boolean) => unwrap(http.PATCH("/notices/mail", { body: { mails } })),
    onSuccess: (settings) => queryClient.setQueryData(keys.noticeMail, settings),
  });
}

export function useChooseSender() {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (accountId: string | null) =>
      unwrap(http.PUT("/notices/mail/sender", { body: { account_id: accountId } })),
    onSuccess: (settings) => queryClient.setQueryData(keys.noticeMail, settings),
  });
}
