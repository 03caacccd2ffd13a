/** Files of many accounts in every state that their page shows. The answers are made up; the session is real. */
import type { Page, Route } from "@playwright/test";
import type { Import, ImportRow, RowProblem } from "../../src/api/client";

const NOW = new Date().toISOString();
const WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauuntern";
const ARABIC = "محمد عبد الرحمن بن إبراهيم الأنصاري من شركة الاتصالات المتقدمة المحدودة";
const NONE = { invalid: 0, waiting: 0, passed: 0, failed: 0, doubt: 0, connected: 0 };

const refused: RowProblem = {
  message: "The server refused the login. Check the username and the password at the provider.",
  side: "imap",
  step: "login",
  reason: "login_refused",
  server_words: "NO [AUTHENTICATIONFAILED] Authentication failed.",
};

function row(line: number, more: Partial<ImportRow> = {}): ImportRow {
  const server = { host: "imap.old.test", port: 993, encryption: "tls", username: `box${line}` } as const;
  return {
    id: `00000000-0000-7000-8000-${String(line).padStart(12, "0")}`,
    line,
    address: `box${line}@old.test`,
    display_name: `Box ${line}`,
    state: "passed",
    due: false,
    provider: "custom",
    imap: server,
    smtp: { ...server, host: "smtp.old.test", port: 587 },
    problems: [],
    account_id: null,
    ...more,
  };
}

const MIXED: ImportRow[] = [
  row(2),
  row(3, { state: "failed", problems: [refused] }),
  row(4, {
    state: "invalid",
    imap: null,
    smtp: null,
    problems: [
      { column: "imap_port", message: "A port is a number from 1 to 65535." },
      { column: "address", message: "This address is in row 2 already." },
    ],
  }),
  row(5, {
    state: "failed",
    address: `${WORD.toLowerCase()}@${WORD.toLowerCase()}.test`,
    display_name: WORD,
    problems: [{ ...refused, server_words: `535 5.7.8 ${`Bad credentials, see ${WORD}. `.repeat(9)}` }],
  }),
  row(6, {
    state: "doubt",
    display_name: ARABIC,
    problems: [{ message: "The SRV record leads elsewhere." }],
  }),
  row(7, { state: "waiting", due: true }),
];

function count(rows: ImportRow[]): Import["counts"] {
  const counts = { ...NONE };
  for (const { state } of rows) counts[state] += 1;
  return counts;
}

function run(rows: ImportRow[], more: Partial<Import> = {}): Import {
  return {
    id: "00000000-0000-7000-8000-0000000000aa",
    file_name: "people of the sales team 2026.csv",
    state: "ready",
    mode: "test",
    ended: null,
    total: rows.length,
    counts: count(rows),
    progress: null,
    notes: [],
    doubts: [],
    created_at: NOW,
    ended_at: null,
    passwords_until: new Date(Date.now() + 80_000_000).toISOString(),
    ...more,
  };
}

const doubts = [
  {
    hosts: ["imap.hosting-of-a-very-long-name.example", "smtp.hosting-of-a-very-long-name.example"],
    why: "The SRV record of your domain leads to servers of hosting-of-a-very-long-name.example. Such records can be forged on the way.",
    rows: 12,
  },
];
const notes = ['Columns that are not known here are not used: "phone", "city".'];
const one = [row(2, { state: "waiting", imap: null, smtp: null })];
const thousand = Array.from({ length: 1_000 }, (_, index) =>
  row(index + 2, index % 9 === 0 ? { state: "failed", problems: [refused] } : {}),
);
const connected = MIXED.map((each) =>
  each.state === "passed" ? { ...each, state: "connected" as const } : each,
);

export const IMPORTS = {
  none: [],
  one: [run(one, { mode: null }), one],
  mixed: [run(MIXED, { doubts, notes }), MIXED],
  working: [run(MIXED, { state: "testing", progress: { done: 412, total: 1_000 } }), MIXED],
  ended: [
    run(connected, { state: "ended", ended: "finished", ended_at: NOW, passwords_until: null }),
    connected,
  ],
  thousand: [run(thousand), thousand],
} satisfies Record<string, [] | [Import, ImportRow[]]>;

export class Imports {
  state: keyof typeof IMPORTS | "holds" | "fails" = "none";

  static async on(page: Page): Promise<Imports> {
    const imports = new Imports();
    await page.route("**/api/v1/accounts/imports?*", (route) => imports.#list(route));
    await page.route("**/api/v1/accounts/imports/*/rows?*", (route) => imports.#rows(route));
    return imports;
  }

  async #list(route: Route): Promise<void> {
    if (route.request().method() !== "GET") return route.fallback();
    if (this.state === "holds") return;
    if (this.state === "fails") return route.fulfill({ status: 403, body: "{}" });
    const [current] = IMPORTS[this.state];
    return route.fulfill({ json: { items: current ? [current] : [], next_cursor: null } });
  }

  async #rows(route: Route): Promise<void> {
    if (this.state === "holds" || this.state === "fails") return;
    const [, rows = []] = IMPORTS[this.state];
    const url = new URL(route.request().url());
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const page = rows.slice(from, from + 200);
    const next = from + 200 < rows.length ? String(from + 200) : null;
    return route.fulfill({ json: { items: page, next_cursor: next } });
  }
}
