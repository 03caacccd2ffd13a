import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { POSTHOUSE } from "./lab";
import { Program } from "./program";

/** The product, serving on a free port with a data folder of its own. */
export class Posthouse {
  private constructor(
    private readonly program: Program,
    private readonly folder: string,
    /** Without a slash at its end. */
    readonly url: string,
    /** The one-time link that the program printed: the setup link, or the demo's sign-in link. */
    readonly link: string,
  ) {}

  static async start(command: "serve" | "demo", settings: Record<string, string> = {}): Promise<Posthouse> {
    const folder = await mkdtemp(join(tmpdir(), "posthouse-walk-"));
    // The program refuses settings that it does not know, so it gets these and no others.
    const environment = { PATH: process.env.PATH, POSTHOUSE_LISTEN: "127.0.0.1:0", ...settings };
    const program = new Program([POSTHOUSE, command, "--data-dir", join(folder, "data")], environment);
    try {
      const [, link = ""] = await program.line(/^ +(http\S+)$/);
      return new Posthouse(program, folder, new URL(link).origin, link);
    } catch (error) {
      await program.stop("SIGKILL");
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** What the link carries behind its `#`. */
  get token(): string | null {
    const carried = new URLSearchParams(new URL(this.link).hash.slice(1));
    return carried.get("token") ?? carried.get("link");
  }

  get log(): string {
    return this.program.log;
  }

  async stop(): Promise<void> {
    await this.program.stop("SIGTERM");
    await rm(this.folder, { recursive: true, force: true });
  }
}
