/** The names of everything in the query cache. A list's key is a prefix of its filtered forms. */
export interface AccountFilter {
  search?: string | undefined;
  sort?: string | undefined;
  dir?: string | undefined;
  provider?: string | undefined;
  status?: string | undefined;
  user?: string | undefined;
  tag?: string | undefined;
}

export const keys = {
  setup: ["setup"] as const,
  session: ["session"] as const,
  providers: ["providers"] as const,
  oauthProviders: ["oauth-providers"] as const,
  flows: ["flow"] as const,
  flow: (id: string) => ["flow", id] as const,
  servers: (kind: string, address: string) => ["servers", kind, address] as const,
  imports: ["imports"] as const,
  importList: ["imports", "list"] as const,
  importRows: (id: string, outcome: string | undefined) => ["imports", "rows", id, outcome ?? ""] as const,
  importDiscard: (id: string) => ["imports", "discard", id] as const,
  accounts: ["accounts"] as const,
  accountList: (filter: AccountFilter) => ["accounts", "list", filter] as const,
  accountLists: ["accounts", "list"] as const,
  accountSummary: ["accounts", "summary"] as const,
  accountUsers: ["accounts", "users"] as const,
  tags: ["accounts", "tags"] as const,
  bulk: (id: string) => ["bulk", id] as const,
  bulkPreview: (request: unknown) => ["bulk", "preview", request] as const,
  // Below the accounts, so that what refreshes those refreshes these: a used link is an account.
  ownerLinksAll: ["accounts", "owner-links"] as const,
  ownerLinks: (accountId: string | undefined) => ["accounts", "owner-links", accountId ?? ""] as const,
  ownerLook: (token: string) => ["owner-look", token] as const,
  ownerFlow: (flow: string) => ["owner-flow", flow] as const,
  account: (id: string) => ["accounts", "one", id] as const,
  closing: (id: string) => ["accounts", "closing", id] as const,
  // Below the mail, so that what refreshes that refreshes this.
  syncAll: (accountId: string) => ["mail", accountId, "sync"] as const,
  sync: (accountId: string, what: string) => ["mail", accountId, "sync", what] as const,
  mailAll: ["mail"] as const,
  mail: (accountId: string) => ["mail", accountId] as const,
  /** Of several accounts. */
  mailEverywhere: ["mail", "all"] as const,
  folders: (accountId: string) => ["mail", accountId, "folders"] as const,
  messages: (accountId: string, folder: string | undefined) =>
    ["mail", accountId, "list", folder ?? ""] as const,
  messageLists: (accountId: string) => ["mail", accountId, "list"] as const,
  // Below the lists, so that flags show in it at once.
  mailSearch: (accountId: string | undefined, folder: string | undefined, q: string) =>
    ["mail", accountId ?? "all", "list", "search", folder ?? "", q] as const,
  messagesOpen: ["message"] as const,
  message: (id: string) => ["message", id] as const,
  headers: (id: string) => ["message", id, "headers"] as const,
  source: (id: string) => ["message", id, "source"] as const,
  mailChange: ["mail-change"] as const,
  notices: ["notices"] as const,
  noticeList: ["notices", "list"] as const,
  noticeMail: ["notices", "mail"] as const,
  outgoingList: (accountId: string) => ["outgoing", "list", accountId] as const,
  outgoingAll: ["outgoing"] as const,
  outgoing: (id: string) => ["outgoing", "one", id] as const,
};
