import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Program } from "./program";

export const POSTHOUSE = resolve(
  process.env.POSTHOUSE_BIN ?? join(import.meta.dirname, "../../../target/debug/posthouse"),
);
/** Stands beside the product, where cargo puts both. */
const LAB = join(dirname(POSTHOUSE), "lab");

export interface Mailbox {
  address: string;
  password: string;
}

interface Ready {
  imap: number;
  imaps: number;
  /** IMAP without encryption, where bodies and changes can be refused. */
  refusing: number;
  submission: number;
  smtps: number;
  ca: string;
  /** The OpenID provider's two flavours, when it was asked for. */
  openid: OpenId | null;
}

interface OpenId {
  google: string;
  microsoft: string;
}

type Answer = { ok: boolean; error?: string } & Record<string, unknown>;

/** Dovecot and Postfix for one worker: accounts under `lab.test`. */
export class Lab {
  readonly #program: Program;
  #last: Promise<unknown> = Promise.resolve();
  #users = 0;

  private constructor(
    program: Program,
    readonly ports: Ready,
  ) {
    this.#program = program;
  }

  /** `oauth`: with an OpenID provider whose access tokens the mail servers take. */
  static async start(oauth = false): Promise<Lab> {
    for (const path of [POSTHOUSE, LAB]) {
      if (!existsSync(path)) {
        throw new Error(`${path} is missing: cargo build --package posthouse --package testkit`);
      }
    }
    if (process.getuid?.() !== 0)
      throw new Error("the walks need root: mail servers change to users of their own");
    const program = new Program(oauth ? [LAB, "--oauth"] : [LAB], process.env);
    const [line] = await program.line(/^\{.*\}$/);
    return new Lab(program, JSON.parse(line) as Ready);
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  #ask(command: string, values: Record<string, string | string[] | boolean> = {}): Promise<Answer> {
    const asked = this.#last.then(async () => {
      this.#program.say(JSON.stringify({ command, ...values }));
      const [line] = await this.#program.line(/^\{.*\}$/);
      const answer = JSON.parse(line) as Answer;
      if (!answer.ok) throw new Error(`lab: ${command}: ${answer.error}`);
      return answer;
    });
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  /** Creates a mailbox; the number keeps the tests of one worker apart. */
  async addUser(name: string): Promise<Mailbox> {
    this.#users += 1;
    const { address, password } = await this.#ask("add_user", { local: `${name}${this.#users}` });
    return { address: String(address), password: String(password) };
  }

  /** The next sign-in needs the new one; open sessions end now. */
  async changePassword(mailbox: Mailbox, password: string): Promise<void> {
    await this.#ask("set_password", { address: mailbox.address, password });
    await this.#ask("kick", { address: mailbox.address });
  }

  /** Ends the account's open IMAP sessions. */
  async kick(mailbox: Mailbox): Promise<void> {
    await this.#ask("kick", { address: mailbox.address });
  }

  /** Rules the OpenID provider: what it can be told stands in `crates/testkit/oidc/server.js`. */
  async openid(flavour: keyof OpenId, control: string, values: object): Promise<void> {
    const url = `${this.ports.openid?.[flavour]}/lab/${control}`;
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(values) });
    if (!answer.ok) throw new Error(`openid: ${control}: ${answer.status}`);
  }

  async deliver(mailbox: Mailbox, raw: string): Promise<void> {
    await this.#ask("deliver", { address: mailbox.address, raw });
  }

  /** The raw messages of a folder. */
  async messages(mailbox: Mailbox, folder = "INBOX"): Promise<string[]> {
    return (await this.#ask("messages", { address: mailbox.address, folder })).messages as string[];
  }

  /** Who connects to the port `refusing` from now on is refused the bodies of these sets of UIDs. */
  async refuseBodies(of: string[]): Promise<void> {
    await this.#ask("refuse_bodies", { of });
  }

  /** Who connects to the port `refusing` from now on is refused changes of messages, or none. */
  async refuseChanges(on: boolean): Promise<void> {
    await this.#ask("refuse_changes", { on });
  }

  async stopImap(): Promise<void> {
    await this.#ask("stop_imap");
  }

  async startImap(): Promise<void> {
    await this.#ask("start_imap");
  }

  async stopSmtp(): Promise<void> {
    await this.#ask("stop_smtp");
  }

  async startSmtp(): Promise<void> {
    await this.#ask("start_smtp");
  }
}
