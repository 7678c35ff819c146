import { randomUUID } from 'node:crypto';
import { uuidOf } from '../core/digest.ts';
import type { DocumentKey } from '../core/ids.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { WatchingPolicy } from '../core/watching.ts';
import { createWatch, type WatchService } from '../retrieval/watch.ts';
import type { Closers } from './closers.ts';
import type { Stores } from './open-stores.ts';

export interface StartWatchParts {
  readonly stores: Pick<Stores, 'catalog' | 'audit'>;
  readonly watching: WatchingPolicy;
  readonly policy: PolicyPort;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly closers: Closers;
}

const TAIL_MS = 1_000;
/** A long log is read on in the background; whoever is in the part that is not read yet is not held yet. */
const REBUILD_MS = 5_000;

/** With what the log says of the time before this start. Follows it until the closers stop it. */
export async function startWatch({ stores, watching, policy, telemetry, clock, closers }: StartWatchParts): Promise<WatchService> {
  const { catalog, audit } = stores;
  const keyOf = (tenant: string, source: string, document: string): DocumentKey =>
    uuidOf('document', tenant, source, document) as DocumentKey;
  const watch = createWatch({ catalog, audit, policy, telemetry, clock, watching, keyOf, newId: randomUUID });
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let polling: Promise<void>;
  const poll = async (): Promise<void> => {
    await watch.poll();
    if (!stopped) timer = setTimeout(() => void (polling = poll()), TAIL_MS).unref();
  };
  polling = poll();
  closers.add(async () => {
    stopped = true;
    clearTimeout(timer);
    watch.stop();
    await polling;
    await watch.settled();
  });
  await Promise.race([polling, new Promise<void>((resolve) => void setTimeout(resolve, REBUILD_MS).unref())]);
  return watch;
}
