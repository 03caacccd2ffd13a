import { test as base, type ConsoleMessage, expect, type Page, type TestInfo } from "@playwright/test";
import { Gate } from "./gate";
import { Images } from "./images";
import { Lab } from "./lab";
import { Posthouse } from "./posthouse";

export { expect };

/** The product beside the mail servers of this worker, and what may stand between them. */
export interface House {
  lab: Lab;
  posthouse: Posthouse;
  imapGate: Gate;
  smtpGate: Gate;
  images: Images;
  /** Nothing that anybody typed as a password may be found in the log. */
  secrets: Set<string>;
}

/** The settings of the OpenID provider's two flavours; without it there is nobody to sign in to. */
function oauthSettings({ openid, imaps, submission }: Lab["ports"]): Record<string, string> {
  if (!openid) return {};
  const { google, microsoft } = openid;
  const of = (name: string, urls: Record<string, string>) =>
    Object.entries({
      client_id: "app",
      client_secret: "app-secret",
      imap: `tls://localhost:${imaps}`,
      smtp: `starttls://localhost:${submission}`,
      ...urls,
    }).map(([key, value]) => [`POSTHOUSE_OAUTH__${name}__${key.toUpperCase()}`, value]);
  return Object.fromEntries([
    ...of("GOOGLE", {
      authorize_url: `${google}/o/oauth2/v2/auth?access_type=offline&prompt=consent`,
      token_url: `${google}/token`,
      revoke_url: `${google}/revoke`,
    }),
    ...of("MICROSOFT", {
      authorize_url: `${microsoft}/common/oauth2/v2.0/authorize?prompt=select_account`,
      token_url: `${microsoft}/common/oauth2/v2.0/token`,
    }),
  ]);
}

async function startHouse(lab: Lab, settings: Record<string, string>): Promise<House> {
  const imapGate = await Gate.before(lab.ports.imaps);
  const smtpGate = await Gate.before(lab.ports.submission);
  const images = await Images.start();
  const { imap, imaps, refusing, submission, smtps, ca } = lab.ports;
  const posthouse = await Posthouse.start("serve", {
    POSTHOUSE_EGRESS__ALLOW_PRIVATE: "true",
    POSTHOUSE_EGRESS__EXTRA_PORTS: [
      imap,
      imaps,
      refusing,
      submission,
      smtps,
      imapGate.port,
      smtpGate.port,
    ].join(","),
    POSTHOUSE_EXTRA_CA: ca,
    POSTHOUSE_ALLOW_RESERVED_DOMAINS: "true",
    POSTHOUSE_RETRY__FIRST_MS: "200",
    POSTHOUSE_RETRY__LONGEST_MS: "1000",
    POSTHOUSE_LOG__LEVEL: "info",
    ...oauthSettings(lab.ports),
    ...settings,
  });
  if (lab.ports.openid) {
    const uri = `${posthouse.url}/oauth/callback`;
    await lab.openid("google", "redirect", { uri });
    await lab.openid("microsoft", "redirect", { uri });
  }
  return { lab, posthouse, imapGate, smtpGate, images, secrets: new Set() };
}

async function stopHouse(house: House): Promise<void> {
  house.imapGate.close();
  house.smtpGate.close();
  house.images.close();
  await house.posthouse.stop();
}

/** The log of a program that has ended: shown with a test that failed. */
async function judgeLog({ log }: Posthouse, testInfo: TestInfo): Promise<string> {
  if (testInfo.status !== testInfo.expectedStatus) {
    await testInfo.attach("log of the program", { body: log, contentType: "text/plain" });
  }
  expect(log).not.toContain("panicked");
  return log;
}

/** What a browser, and then the page, says about an answer that the page expects and shows. */
function isRefusal(message: ConsoleMessage): boolean {
  if (message.location().url.includes("/api/v1/images/")) return true;
  return /Failed to load resource: the server responded with a status of 4\d\d|^ApiError: /.test(
    message.text(),
  );
}

/** What the browser says about an answer that a test broke on purpose. */
const BROKEN =
  /Failed to load resource: (net::ERR_FAILED|the server responded with a status of 5\d\d)|A part of the page could not/;

/** What went wrong in a page without anybody seeing it. */
function watch(page: Page, breaks: boolean): string[] {
  const troubles: string[] = [];
  page.on("pageerror", (error) => troubles.push(`${error}`));
  page.on("console", (message) => {
    if (message.type() !== "error" || isRefusal(message)) return;
    if (!breaks || !BROKEN.test(message.text())) troubles.push(message.text());
  });
  return troubles;
}

/** A page that says at the end of the test whether something went wrong in it. */
const page = async (
  { page, breaks }: { page: Page; breaks: boolean },
  use: (page: Page) => Promise<void>,
) => {
  const troubles = watch(page, breaks);
  await use(page);
  expect(troubles, "what the page's console said").toEqual([]);
};

/**
 * A fresh installation that nobody owns yet, beside real mail servers. `breaks`: the test breaks answers on purpose;
 * `settings`: variables of the program besides the usual ones; `oauth`: there is a provider to sign in to.
 */
export const test = base.extend<
  { house: House; breaks: boolean; settings: Record<string, string> },
  { lab: Lab; oauth: boolean }
>({
  breaks: [false, { option: true }],
  settings: [{}, { option: true }],
  oauth: [false, { option: true, scope: "worker" }],
  lab: [
    async ({ oauth }, use) => {
      const lab = await Lab.start(oauth);
      await use(lab);
      await lab.stop();
    },
    { scope: "worker" },
  ],
  house: async ({ lab, settings }, use, testInfo) => {
    const house = await startHouse(lab, settings);
    await use(house);
    await stopHouse(house);
    const log = await judgeLog(house.posthouse, testInfo);
    for (const secret of house.secrets) expect(log).not.toContain(secret);
  },
  baseURL: async ({ house }, use) => use(house.posthouse.url),
  page,
});

/** The demo, signed in. */
export const demoTest = base.extend<{ demo: Posthouse; breaks: boolean }>({
  breaks: [false, { option: true }],
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the needs of a fixture from this pattern
  demo: async ({}, use, testInfo) => {
    const posthouse = await Posthouse.start("demo");
    await use(posthouse);
    await posthouse.stop();
    await judgeLog(posthouse, testInfo);
  },
  baseURL: async ({ demo }, use) => use(demo.url),
  page,
});
