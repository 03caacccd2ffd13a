import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:http";

/** An image of one grey pixel, as the program passes on what it fetched. */
export const PICTURE = {
  headers: { "content-type": "image/png", "cross-origin-resource-policy": "cross-origin" },
  body: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
    "base64",
  ),
};

/**
 * The web server of a stranger: it wants to know who opens its mail. It has a loopback address of its own and the usual
 * port, so that only its address is a reason not to ask it.
 */
export class Images {
  readonly #server: Server;
  readonly #address = `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
  /** Everything that anybody asked of it. */
  readonly paths: string[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      this.paths.push(request.url ?? "");
      response.writeHead(200, PICTURE.headers).end(PICTURE.body);
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

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
