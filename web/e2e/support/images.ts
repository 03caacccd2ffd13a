import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

// One grey pixel.
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);

/** The web server of a stranger: it wants to know who opens its mail. */
export class Images {
  readonly #server: Server;
  /** Everything that anybody asked of it. */
  readonly asked: IncomingMessage[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      this.asked.push(request);
      response.writeHead(200, { "content-type": "image/png" }).end(PNG);
    });
  }

  static async start(): Promise<Images> {
    const images = new Images();
    await new Promise<void>((resolve) => images.#server.listen(0, "127.0.0.1", resolve));
    return images;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get paths(): string[] {
    return this.asked.map((request) => request.url ?? "");
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
