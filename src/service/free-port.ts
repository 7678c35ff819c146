import { createServer, type AddressInfo } from 'node:net';

/** The port itself where it can be had now, else undefined. 0 finds a free one. */
export function portIfFree(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, host, () => {
      const { port: found } = probe.address() as AddressInfo;
      probe.close(() => resolve(found));
    });
  });
}
