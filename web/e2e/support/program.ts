import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

const START_MS = 60_000;
const STOP_MS = 30_000;

/** A program that a test started, its output line by line. It ends with the test's process, also when that is killed. */
export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting = new Set<() => void>();
  readonly #lines: string[] = [];
  #log = "";
  #over = false;

  constructor(command: string[], environment: NodeJS.ProcessEnv) {
    const [program = "", ...rest] = ["setpriv", "--pdeathsig", "TERM", ...command];
    this.#child = spawn(program, rest, { env: environment, stdio: "pipe" });
    this.#ended = new Promise((resolve) => {
      const end = (why: string) => {
        this.#log += why;
        this.#over = true;
        this.#wake();
        resolve();
      };
      this.#child.on("error", (error) => end(`${error}\n`));
      this.#child.on("close", (code, signal) => end(`(ended with ${code ?? signal})\n`));
    });
    const { stdin, stdout, stderr } = this.#child;
    stdin?.on("error", () => undefined);
    stderr?.on("data", (data: Buffer) => {
      this.#log += data.toString();
    });
    if (stdout) {
      createInterface({ input: stdout }).on("line", (line) => {
        this.#lines.push(line);
        this.#wake();
      });
    }
  }

  #wake(): void {
    for (const notify of this.#waiting) notify();
    this.#waiting.clear();
  }

  /** What it wrote to its error output. */
  get log(): string {
    return this.#log;
  }

  /** The next line that fits; earlier ones are dropped. */
  async line(pattern: RegExp): Promise<RegExpMatchArray> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        const found = line.match(pattern);
        if (found) return found;
      }
      if (this.#over) throw new Error(`it ended before it said ${pattern}:\n${this.#log}`);
      await this.#news(deadline, `no line like ${pattern}`);
    }
  }

  #news(deadline: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what}:\n${this.#log}`)), deadline - Date.now());
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Closes its input and, when `signal` is given, sends that; waits until it has ended. */
  async stop(signal?: NodeJS.Signals): Promise<void> {
    this.#child.stdin?.end();
    if (signal) this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
