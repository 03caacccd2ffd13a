/** The server's lists in states that real ones are seldom in: slow, broken, endless, hostile. The session is real. */
import type { Page, Route } from "@playwright/test";
import type {
  Account,
  AccountList,
  Folder,
  Message,
  MessageList,
  Outgoing,
  Thread,
  ThreadList,
  ThreadRow,
} from "../../src/api/client";

const WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauuntern";
const ARABIC = "محمد عبد الرحمن بن إبراهيم الأنصاري من شركة الاتصالات المتقدمة المحدودة";
const SUBJECT = "Re: Fwd: the minutes of the meeting about the next meeting ".repeat(4).slice(0, 200);
/** Turns what follows it around, if it is let. */
const OVERRIDE = "\u202E";
const SERVER_WORDS = `535-5.7.8 Username and Password not accepted. ${"For more information, go to https://support.old.test/mail/?p=BadCredentials and read it. ".repeat(8)}${WORD}`;
const NOW = new Date().toISOString();
export const FIRST = "00000000-0000-7000-8000-000000000000";

/** What fails is tried again by the page, what is refused is not. */
export type Mood = "answers" | "holds" | "fails" | "refuses";
type Rows = "none" | "one" | "odd" | "many";

function idOf(index: number): string {
  return FIRST.slice(0, -6) + String(index).padStart(6, "0");
}

function account(index: number, more: Partial<Account> = {}): Account {
  const well = { state: "connected", since: NOW } as const;
  const login = {
    host: "mail.old.test",
    username: `box${index}@old.test`,
    encryption: "tls",
    auth: "password",
  } as const;
  return {
    id: idOf(index),
    address: `box${index}@old.test`,
    display_name: `Box ${index}`,
    provider: "custom",
    provider_label: "Old Host",
    provider_name: "Old Host",
    user: { id: FIRST, name: "Ana Diaz" },
    health: null,
    sent_total: index * 7,
    sent_today: index % 9,
    status: "connected",
    status_side: null,
    receiving: well,
    sending: well,
    sync: { stage: "live" },
    created_at: NOW,
    tags: [],
    can_manage: true,
    can_use: true,
    can_send: true,
    smtp: { ...login, port: 465 },
    imap: { ...login, port: 993 },
    import_days: 30,
    sync_minutes: 5,
    ...more,
  };
}

function broken(
  reason: NonNullable<Account["receiving"]["reason"]>,
  state: "disconnected" | "reconnect_required",
) {
  const side = {
    state,
    since: NOW,
    reason,
    reason_text: "The server did not accept the login.",
    server_words: SERVER_WORDS,
    fix: "Check the username and the password at the provider, then reconnect.",
    next_attempt_at: state === "disconnected" ? new Date(Date.now() + 240_000).toISOString() : null,
  };
  return { status: state, status_side: "receiving", receiving: side } as const;
}

const ODD: Partial<Account>[] = [
  {
    display_name: WORD,
    provider_label: WORD,
    user: { id: FIRST, name: WORD },
    ...broken("login_refused", "reconnect_required"),
  },
  { display_name: ARABIC, provider_label: "مزود", user: { id: FIRST, name: ARABIC } },
  {
    display_name: `${OVERRIDE}Ana`,
    provider_label: `${OVERRIDE}Old Host`,
    user: { id: FIRST, name: `${OVERRIDE}Ana` },
  },
  {
    address: `${WORD.toLowerCase()}@old.test`,
    sent_total: 12_345_678,
    ...broken("certificate_wrong_name", "disconnected"),
  },
  {
    sync: { stage: "importing", done: 12_345, total: 1_234_567 },
    tags: ["Sales", ARABIC.slice(0, 40), "Third"],
  },
  {
    status: "paused",
    status_side: "receiving",
    paused_at: NOW,
    receiving: { state: "paused", since: NOW },
    sending: { state: "paused", since: NOW },
    tags: [WORD.slice(0, 40), `${OVERRIDE}Tag`],
  },
  broken("private_address_refused", "disconnected"),
];

const ROWS: Record<Rows, Account[]> = {
  none: [],
  one: [account(0)],
  odd: ODD.map((more, index) => account(index, more)),
  many: Array.from({ length: 3_000 }, (_, index) =>
    account(index, index % 3 === 0 ? { tags: ["Customers", "Outreach"].slice(index % 2) } : {}),
  ),
};

function message(index: number, more: Partial<Message> = {}): Message {
  return {
    id: idOf(index),
    account_id: FIRST,
    thread_id: idOf(index),
    from: { name: "Cleo Marsh", address: "cleo@else.test" },
    to: [{ name: "Box", address: "box0@old.test" }],
    subject: `Letter ${index}`,
    snippet: "Hello.",
    date: NOW,
    size: 1_000,
    seen: true,
    flagged: false,
    answered: false,
    has_attachments: false,
    folders: [],
    labels: [],
    cc: [],
    bcc: [],
    reply_to: [],
    attachments: [],
    has_html: false,
    text: "Hello.",
    remote_images: 0,
    truncated: false,
    body_missing: false,
    parse_problems: [],
    ...more,
  };
}

/** A letter as a conversation of its own. */
function alone(letter: Message): ThreadRow {
  const { id, account_id, subject, from, flagged, answered, has_attachments, snippet, date } = letter;
  const { folders, labels } = letter;
  return {
    id: letter.thread_id,
    account_id,
    subject,
    people: from ? [from] : [],
    people_count: from ? 1 : 0,
    message_count: 1,
    unread_count: letter.seen ? 0 : 1,
    flagged,
    answered,
    has_attachments,
    newest_id: id,
    unread_id: letter.seen ? null : id,
    snippet,
    date,
    folders,
    labels,
  };
}

const ODD_LETTERS: Message[] = [
  message(0, {
    subject: "A subject as long as a book. ".repeat(700),
    from: { name: WORD, address: `${WORD.toLowerCase()}@else.test` },
    text: `${WORD.repeat(6)}\n\nمرحبا`,
    snippet: WORD.repeat(3),
    labels: [WORD.toLowerCase(), ARABIC, "Third", "Fourth"],
    truncated: true,
    parse_problems: [
      "A part of the message is damaged; some characters may be wrong or missing.",
      "The message has no valid date.",
    ],
    has_attachments: true,
    attachments: [
      { index: 0, name: `${WORD}.pdf`, content_type: "application/pdf", size: 48_211, inline: false },
    ],
  }),
  message(1, {
    subject: `عرض ${ARABIC} ${ARABIC}`,
    from: { name: ARABIC, address: "m@else.test" },
    snippet: `${ARABIC} `.repeat(4),
  }),
  message(2, {
    subject: `${OVERRIDE}Offer`,
    from: { name: `${OVERRIDE}Cleo`, address: "c@else.test" },
    seen: false,
  }),
  message(3, {
    subject: SUBJECT,
    from: { name: "", address: "box0@old.test" },
    to: [
      { name: ARABIC, address: "m@else.test" },
      { name: "Ben", address: "b@else.test" },
    ],
  }),
  ...Array.from({ length: 60 }, (_, index) => message(index + 4)),
];

const LETTERS: Record<Rows, Message[]> = {
  none: [],
  one: [message(0)],
  odd: ODD_LETTERS,
  many: Array.from({ length: 200 }, (_, index) =>
    message(index, {
      seen: index % 3 !== 0,
      flagged: index % 5 === 0,
      answered: index % 7 === 0,
      has_attachments: index % 4 === 0,
      date: new Date(Date.now() - index * 30 * 3_600_000).toISOString(),
    }),
  ),
};

function outgoing(index: number, more: Partial<Outgoing> = {}): Outgoing {
  return {
    id: idOf(index),
    account_id: FIRST,
    from: "box0@old.test",
    subject: `Offer ${index}`,
    to: ["cleo@else.test"],
    state: "sent",
    message_id: `<${index}@old.test>`,
    created_at: NOW,
    sent_at: NOW,
    attempts: 1,
    server_words: "250 2.0.0 Ok: queued as C6F23998347",
    recipients: [{ address: "cleo@else.test", state: "accepted" }],
    sent_copy: "filed",
    ...more,
  };
}

/** Every fate of a message. */
const FATES: Partial<Outgoing>[] = [
  {
    state: "queued",
    sent_at: null,
    server_words: null,
    why: "The daily limit of this account is reached.",
    next_attempt_at: new Date(Date.now() + 3_600_000).toISOString(),
    recipients: [],
  },
  { state: "sending", sent_at: null, server_words: null, recipients: [] },
  {
    state: "uncertain",
    sent_at: null,
    server_words: null,
    why: "The connection was lost after the message was handed over.",
    recipients: [{ address: "cleo@else.test", state: "pending" }],
  },
  { state: "cancelled", sent_at: null, server_words: null, recipients: [] },
  {
    state: "failed",
    sent_at: null,
    why: "The server refused the sender.",
    server_words: "553 5.7.1 Sender address rejected: not owned by user",
    recipients: [{ address: "cleo@else.test", state: "pending" }],
  },
];

const SENT: Record<Rows, Outgoing[]> = {
  none: [],
  one: [outgoing(0)],
  odd: [
    outgoing(0, {
      subject: SUBJECT,
      to: [`${WORD.toLowerCase()}@else.test`],
      state: "failed",
      sent_at: null,
      why: "The server refused all recipients.",
      server_words: null,
      recipients: [
        { address: `${WORD.toLowerCase()}@else.test`, state: "refused", server_words: SERVER_WORDS },
      ],
      sent_copy: "none",
    }),
    outgoing(1, { subject: ARABIC }),
  ],
  many: Array.from({ length: 200 }, (_, index) => outgoing(index, FATES[index])),
};

function folder(index: number, name: string, more: Partial<Folder> = {}): Folder {
  return {
    id: idOf(index),
    name,
    role: null,
    selected: false,
    messages: 0,
    unseen: 0,
    server_messages: index * 31,
    counted_at: NOW,
    refused: null,
    ...more,
  };
}

const INBOX = folder(1, "INBOX", { role: "inbox", selected: true, messages: 12, server_messages: 1_204 });

/** Folders of a mailbox: none that is known, the inbox alone, and so many that nobody reads them all. */
export const FOLDERS = {
  none: [],
  one: [INBOX],
  many: [
    INBOX,
    folder(2, "الرسائل المرسلة من شركة الاتصالات المتقدمة", { role: "sent", selected: true, messages: 48 }),
    folder(3, `${WORD}/${WORD}`, { selected: true, refused: SERVER_WORDS }),
    folder(4, `${OVERRIDE}Turned`, { server_messages: null }),
    folder(5, "[Gmail]/All Mail", {
      role: "all",
      selected: true,
      messages: 12_345,
      server_messages: 1_234_567,
    }),
    ...Array.from({ length: 195 }, (_, index) => folder(index + 6, `Customers/Region ${index % 7}/${index}`)),
  ],
} satisfies Record<string, Folder[]>;

/** Answers in the place of the server for accounts, mail and outbox. */
export class States {
  rows: Rows = "one";
  folders: Folder[] = [];
  /** By a part of the path; what is not named answers. */
  moods: Record<string, Mood> = {};
  readonly #held = new Set<() => void>();

  static async on(page: Page): Promise<States> {
    const states = new States();
    await page.route(/\/api\/v1\/(accounts|messages|threads)/, (route) => states.#answer(route));
    return states;
  }

  /** Everything answers again, also what was held. */
  calm(): void {
    this.moods = {};
    for (const release of this.#held) release();
    this.#held.clear();
  }

  async #answer(route: Route): Promise<void> {
    const url = new URL(route.request().url());
    const path = url.pathname.replace("/api/v1", "");
    const kind =
      path.match(/^\/accounts\/[^/]+\/(\w+)$/)?.[1] ??
      (path === "/accounts"
        ? "accounts"
        : path.split("/")[1] === "messages"
          ? "message"
          : path.split("/")[1] === "threads"
            ? "thread"
            : (["summary", "users"].find((name) => path.endsWith(name)) ?? "account"));
    const mood = this.moods[kind] ?? "answers";
    if (mood === "holds") await new Promise<void>((resolve) => this.#held.add(resolve));
    if (mood === "fails" || mood === "refuses") {
      const status = mood === "fails" ? 500 : 403;
      const problem = {
        type: "about:blank",
        title: "Fault",
        status,
        code: "internal",
        detail: "Something went wrong on the server. It was written to its log.",
        request_id: "0198c0de",
      };
      return route.fulfill({ status, json: problem, contentType: "application/problem+json" });
    }
    await route.fulfill({ json: this.#body(kind, path, url.searchParams) }).catch(() => undefined);
  }

  #body(kind: string, path: string, query: URLSearchParams): unknown {
    const [rows, letters] = [ROWS[this.rows], LETTERS[this.rows]];
    if (kind === "accounts") {
      const [from, limit] = [Number(query.get("cursor") ?? 0), Number(query.get("limit") ?? 200)];
      const end = from + limit;
      return {
        items: rows.slice(from, end),
        next_cursor: end < rows.length ? String(end) : null,
        total: rows.length,
      } satisfies AccountList;
    }
    if (kind === "summary") {
      return {
        total: rows.length,
        connected: rows.filter(({ status }) => status === "connected").length,
        need_attention: rows.filter(({ status }) => status === "reconnect_required").length,
        disconnected: rows.filter(({ status }) => status === "disconnected").length,
        sent_today: rows.reduce((sum, each) => sum + each.sent_today, 0),
      };
    }
    if (kind === "users") return { items: [] };
    if (kind === "preview") {
      const unchanged = [
        { outcome: "already", count: 12, text: "It is so already." },
        {
          outcome: "not_allowed",
          count: 3,
          text: "You may not do this with it: it belongs to somebody else.",
        },
      ];
      return { total: rows.length, changing: rows.length - 15, unchanged, makes_tag: false };
    }
    if (kind === "folders") return { items: this.folders };
    if (kind === "operations") return { waiting: 0, refused: [] };
    if (kind === "rules") {
      const senders = [{ address: "noreply@shop.test", messages: 120 }];
      return { exclude: ["noreply@*", "*@marketing.*"], messages: 120, of: 3_400, senders };
    }
    if (kind === "outgoing") return { items: SENT[this.rows], next_cursor: null };
    if (kind === "messages") return { items: letters, next_cursor: null } satisfies MessageList;
    if (kind === "threads") {
      return { items: letters.map(alone), next_cursor: null } satisfies ThreadList;
    }
    if (kind === "thread") {
      const letter = letters.find((each) => path.endsWith(each.thread_id)) ?? letters[0] ?? message(0);
      return {
        ...alone(letter),
        messages: [letter],
        next_cursor: null,
        probable: [],
      } satisfies Thread;
    }
    if (kind === "message") return letters.find((each) => path.endsWith(each.id)) ?? letters[0];
    return rows.find((each) => path.endsWith(each.id)) ?? rows[0] ?? account(0);
  }
}
