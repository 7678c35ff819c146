import type { Config } from '../config.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { KeyRegistry } from '../core/ports/signing.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { openSigning, type Signing } from '../signing/signing.ts';
import { lackingKeys } from '../signing/ring-text.ts';
import type { Closers } from './closers.ts';
import { serviceChange } from './operator.ts';

/** How soon a running service signs with a key that was made on the machine, and tells the log of a new tenant which key signs. */
const LOOK_MS = 10_000;

export interface SigningParts {
  readonly config: Pick<Config, 'signingKeys'>;
  readonly catalog: KeyRegistry;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly closers: Closers;
}

/**
 * The keys of this deployment, made where it never had one. Refuses to start with another ring than the one the deployment signs with,
 * and follows a rotation while it runs.
 */
export async function startSigning({ config, catalog, clock, telemetry, closers }: SigningParts): Promise<Signing> {
  const path = config.signingKeys;
  const signing = await openSigning({ path, clock, telemetry, known: await catalog.signingKeys() });
  const announce = (): ReturnType<KeyRegistry['announceKeys']> =>
    catalog.announceKeys(signing.keys(), serviceChange('signing-keys', clock.now()));
  // Another replica may have made a first key of its own meanwhile: of the two, one is refused.
  const missing = await announce();
  if (missing.length > 0) throw lackingKeys(path, missing);
  closers.add(every(LOOK_MS, () => follow(signing, announce, { path, telemetry })));
  return signing;
}

async function follow(
  signing: Signing,
  announce: () => ReturnType<KeyRegistry['announceKeys']>,
  { path, telemetry: { log, gauge } }: { readonly path: string; readonly telemetry: Telemetry },
): Promise<void> {
  if (await signing.refresh()) log.info({ kid: signing.keys()[0].kid }, 'signing with another key');
  try {
    const missing = await announce();
    gauge('signing_keys_missing', missing.length);
    if (missing.length > 0) log.error({}, 'another replica signs with a key that this one does not have', lackingKeys(path, missing));
  } catch (error) {
    log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'which keys sign could not be noted; it is tried again');
  }
}

/** Runs one after another, never two at once; the stop waits for the one under way. */
function every(ms: number, run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= run().finally(() => (running = undefined));
  }, ms);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
