import { issuerUnavailable } from './failures.ts';

/** Waits for shared work until this caller gives up; the work itself goes on for the others. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal, issuer: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(issuerUnavailable(issuer, 'the request ended while its keys were being read'));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
