import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net";

/** A port before a mail server. While it is shut the server's answers wait, so that a test can look at a step. */
export class Gate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #shut = false;

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const server = dial({ port: target, host: "127.0.0.1" });
      this.#join(client, server);
      this.#join(server, client);
      client.pipe(server);
      const answer = () => void server.pipe(client);
      if (this.#shut) this.#waiting.add(answer);
      else answer();
    });
  }

  static async before(target: number): Promise<Gate> {
    const gate = new Gate(target);
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  #join(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Holds back what the server says on connections from now on. */
  shut(): void {
    this.#shut = true;
  }

  open(): void {
    this.#shut = false;
    for (const answer of this.#waiting) answer();
    this.#waiting.clear();
  }

  /** The server is gone: open connections break, new ones are refused. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
