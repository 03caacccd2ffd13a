import { randomInt } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";

// One grey pixel.
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);

/**
 * The web server of a stranger: it wants to know who opens its mail. Remote images are fetched from the usual ports only, so
 * it has one of those, on a loopback address of its own.
 */
export class Images {
  readonly #server: Server;
  readonly #address = `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
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
    await new Promise<void>((resolve, reject) => {
      images.#server.once("error", reject).listen(80, images.#address, resolve);
    });
    return images;
  }

  get url(): string {
    return `http://${this.#address}`;
  }

  get paths(): string[] {
    return this.asked.map((request) => request.url ?? "");
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
