import { portIfFree } from '../../src/service/free-port.ts';

/** Below the ports that systems hand out by themselves, so that no other process gets it between the choice and its use. */
const FIRST = 12_000;
const COUNT = 18_000;

/** A port that is free on loopback, and the one after it too, for what has to know its port before it listens. */
export async function ownPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    // Not seeded: two processes that draw the same would meet.
    const port = FIRST + ((2 * (crypto.getRandomValues(new Uint16Array(1))[0] ?? 0)) % COUNT);
    const [free, next] = await Promise.all([portIfFree('127.0.0.1', port), portIfFree('127.0.0.1', port + 1)]);
    if (free !== undefined && next !== undefined) return port;
  }
  throw new Error('no free port');
}
