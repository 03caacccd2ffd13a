/** A small world for page tests: the real page on a memory history, against canned answers. */
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import type {
  Account,
  AccountList,
  ConnectStep,
  Folder,
  Found,
  FoundServer,
  Looked,
  Notice,
  NoticeList,
  OAuthChoice,
  Outgoing,
  ProviderCard,
  Session,
  SideState,
} from "../src/api/client";
import { createPage } from "../src/router";
import { cssVariables, theme } from "../src/ui/theme";

export const api = (path: string) => `*/api/v1${path}`;

/** The live stream, played by the test. */
export class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeEventSource[] = [];
  readyState = 1;
  constructor(readonly url: string) {
    super();
    FakeEventSource.all.push(this);
  }
  say(event: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
  }
  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }
}

export const session: Session = {
  user: { id: "u1", name: "Ana Diaz", email: "ana@acme.test" },
  workspace: { id: "w1", name: "Acme", time_zone: "UTC" },
  role: "owner",
  instance: { version: "0.1.0", demo: false, plain_text_allowed: false },
};

export function side(state: SideState["state"], more: Partial<SideState> = {}): SideState {
  return { state, since: new Date(Date.now() - 2 * 3_600_000).toISOString(), ...more };
}

export function account(id: string, more: Partial<Account> = {}): Account {
  return {
    id,
    address: `${id}@acme.test`,
    display_name: `Name of ${id}`,
    provider: "custom",
    provider_label: "Custom SMTP",
    provider_name: "",
    user: { id: "u1", name: "Ana Diaz" },
    health: null,
    sent_total: 1204,
    sent_today: 18,
    status: "connected",
    status_side: null,
    receiving: side("connected"),
    sending: side("connected"),
    sync: { stage: "live" },
    created_at: "2026-11-01T10:00:00.000Z",
    tags: [],
    can_manage: true,
    can_use: true,
    can_send: true,
    smtp: {
      host: "smtp.acme.test",
      port: 587,
      encryption: "starttls",
      username: `${id}@acme.test`,
      auth: "password",
    },
    imap: {
      host: "imap.acme.test",
      port: 993,
      encryption: "tls",
      username: `${id}@acme.test`,
      auth: "password",
    },
    import_days: 30,
    sync_minutes: 5,
    ...more,
  };
}

export function folder(id: string, more: Partial<Folder> = {}): Folder {
  return {
    id,
    name: id,
    role: null,
    server_role: more.role ?? null,
    role_by_hand: null,
    selected: false,
    messages: 0,
    unseen: 0,
    server_messages: 3,
    counted_at: "2026-11-20T10:00:00.000Z",
    refused: null,
    ...more,
  };
}

export function accountList(items: Account[], more: Partial<AccountList> = {}): AccountList {
  return { items, next_cursor: null, total: items.length, ...more };
}

export function outgoing(id: string, more: Partial<Outgoing> = {}): Outgoing {
  return {
    id,
    account_id: "ana",
    from: "ana@acme.test",
    subject: "Offer",
    to: ["ben@old.test"],
    state: "queued",
    message_id: `<${id}@acme.test>`,
    created_at: new Date().toISOString(),
    attempts: 0,
    recipients: [{ address: "ben@old.test", state: "pending" }],
    sent_copy: "none",
    ...more,
  };
}

export function notice(id: string, more: Partial<Notice> = {}): Notice {
  return {
    id,
    kind: "outage",
    title: `${id}@acme.test is disconnected`,
    text: "imap.acme.test: Nothing answers on this port.",
    fix: "Check the port.",
    server_words: null,
    host: "imap.acme.test",
    state: "disconnected",
    reason: "connection_refused",
    account_count: 1,
    working_count: 0,
    accounts: [{ id, address: `${id}@acme.test` }],
    began_at: new Date(Date.now() - 3_600_000).toISOString(),
    created_at: new Date(Date.now() - 2_700_000).toISOString(),
    resolved_at: null,
    read: false,
    ...more,
  };
}

export function noticeList(items: Notice[], more: Partial<NoticeList> = {}): NoticeList {
  return { items, next_cursor: null, unread: items.filter((each) => !each.read).length, ...more };
}

export function step(
  more: Pick<ConnectStep, "side" | "step" | "status"> & Partial<ConnectStep>,
): ConnectStep {
  return more;
}

export function problem(status: number, code: string, detail: string, more: object = {}) {
  return HttpResponse.json(
    { type: "about:blank", title: code, status, code, detail, request_id: "r-1", ...more },
    { status, headers: { "content-type": "application/problem+json" } },
  );
}

/** A stream that the test feeds. */
export function stream() {
  const encoder = new TextEncoder();
  let control: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      control = controller;
    },
  });
  return {
    response: () => new HttpResponse(body, { headers: { "content-type": "text/event-stream" } }),
    say: (event: string, data: unknown) =>
      control?.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)),
    end: () => control?.close(),
  };
}

/** A provider to sign in to; nobody has set an app up unless apps are given. */
export function oauthChoice(provider: string, label: string, apps: OAuthChoice["apps"] = []): OAuthChoice {
  return { provider, label, permissions: [`Read mail at ${label}`, `Send mail by ${label}`], apps };
}

/** The kinds of accounts, with apps of these providers. */
export function withApps(apps: Partial<Record<string, OAuthChoice["apps"]>>): ProviderCard[] {
  return PROVIDERS.map((card) => ({
    ...card,
    oauth: card.oauth.map((choice) => ({ ...choice, apps: apps[choice.provider] ?? [] })),
  }));
}

/** The kinds of accounts, as the server lists them. */
export const PROVIDERS: ProviderCard[] = [
  {
    kind: "google",
    label: "Gmail",
    password: true,
    oauth: [oauthChoice("google", "Google")],
    notes: ["Open myaccount.google.com/apppasswords and make an app password.", "Enter its 16 letters."],
  },
  {
    kind: "microsoft",
    label: "Outlook",
    notes: ["Sign in with Microsoft."],
    password: false,
    oauth: [oauthChoice("microsoft", "Microsoft")],
  },
  {
    kind: "yahoo",
    label: "Yahoo",
    notes: ["Open login.yahoo.com/account/security."],
    password: true,
    oauth: [oauthChoice("yahoo", "Yahoo")],
  },
  {
    kind: "icloud",
    label: "iCloud",
    notes: ["Make an app-specific password: open account.apple.com."],
    password: true,
    oauth: [],
  },
  { kind: "custom", label: "Custom SMTP", notes: [], password: true, oauth: [] },
  { kind: "imap", label: "Other IMAP", notes: [], password: true, oauth: [] },
];

function foundServer(host: string, more: Partial<FoundServer> = {}): FoundServer {
  const imap = host.startsWith("imap");
  return {
    host,
    port: imap ? 993 : 465,
    encryption: "tls",
    usernames: ["ben@old.test"],
    sign_in: ["password"],
    answered: true,
    ...more,
  };
}

/** Servers that a search gave for ben@old.test. */
export function found(more: Partial<Found> = {}): Found {
  return {
    kind: "custom",
    provider: "Old Host",
    notes: [],
    source: "Published at https://autoconfig.old.test/.",
    imap: foundServer("imap.old.test"),
    smtp: foundServer("smtp.old.test"),
    doubt: null,
    ...more,
  };
}

export function looked(
  place: Looked["place"],
  outcome: Looked["outcome"],
  more: Partial<Looked> = {},
): Looked {
  return { place, outcome, asked: "old.test", took_ms: 7, words: "", ...more };
}

/** A colleague's id. */
export const BEN = "0198c0de-0000-7000-8000-00000000be00";
const TAGS = [
  { id: "t1", name: "Outreach", accounts: 3 },
  { id: "t2", name: "Sales", accounts: 1 },
];

export const server = setupServer(
  http.get(api("/providers"), () => HttpResponse.json({ items: PROVIDERS })),
  http.get(api("/oauth/providers"), () => HttpResponse.json({ items: [] })),
  http.get(api("/session"), () => HttpResponse.json(session)),
  http.get(api("/notices"), () => HttpResponse.json(noticeList([]))),
  http.get(api("/accounts/summary"), () =>
    HttpResponse.json({
      total: 1,
      connected: 1,
      need_attention: 0,
      disconnected: 0,
      paused: 0,
      sent_today: 18,
    }),
  ),
  http.get(api("/accounts"), () => HttpResponse.json(accountList([account("ana")]))),
  http.get(api("/accounts/users"), () => HttpResponse.json({ items: [{ id: BEN, name: "Ben Kim" }] })),
  http.get(api("/tags"), () => HttpResponse.json({ items: TAGS, can_manage: true })),
  http.get(api("/accounts/ana"), () => HttpResponse.json(account("ana"))),
  http.get(api("/accounts/ben"), () => HttpResponse.json(account("ben"))),
  http.get(api("/accounts/:id/folders"), () => HttpResponse.json({ items: [] })),
  http.get(api("/accounts/:id/rules"), () =>
    HttpResponse.json({ exclude: [], messages: 0, of: 0, senders: [] }),
  ),
  http.get(api("/accounts/:id/operations"), () => HttpResponse.json({ waiting: 0, refused: [] })),
  http.get(api("/accounts/:id/threads"), () => HttpResponse.json({ items: [], next_cursor: null })),
  http.get(api("/threads/:id"), () =>
    HttpResponse.json({ code: "not_found", title: "Not found", detail: "Not found." }, { status: 404 }),
  ),
);

/** Shows the page at a path and returns what a person and the address bar can do. */
export function open(path: string) {
  const history = createMemoryHistory({ initialEntries: [path] });
  const { router, queryClient } = createPage(history);
  render(
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} env="test">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { user: userEvent.setup(), router };
}
