import { setImmediate } from 'node:timers/promises';

/** Milliseconds that a report may keep the event loop before it lets queries through. */
const SLICE_MS = 8;

/** Await it in long loops: it lets others through once a slice is used up, and rejects where the request was given up. */
export function createPace(signal: AbortSignal): () => Promise<void> | undefined {
  let last = performance.now();
  const pause = async (): Promise<void> => {
    await setImmediate();
    signal.throwIfAborted();
    last = performance.now();
  };
  return () => (performance.now() - last < SLICE_MS ? undefined : pause());
}
