import { AsyncLocalStorage } from 'node:async_hooks';

/** Carries the request id to every log line written while a request is handled, without passing it along by hand. */
export interface RequestIds {
  run<T>(requestId: string, work: () => T): T;
  current(): string | undefined;
}

export function createRequestIds(): RequestIds {
  const storage = new AsyncLocalStorage<string>();
  return {
    run: (requestId, work) => storage.run(requestId, work),
    current: () => storage.getStore(),
  };
}
