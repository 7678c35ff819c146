import type { PartReadiness } from '../doors/http/services.ts';

/** Resolves where the part can be used. */
export type Probe = (signal: AbortSignal) => Promise<unknown>;

export interface ReadinessParts {
  readonly index: Probe;
  readonly catalog: Probe;
  /** Absent where no text leaves the process to be embedded. */
  readonly embedding: Probe | undefined;
  /** Short names of the issuers whose keys were never read. */
  readonly issuersMissing: () => readonly string[];
}

const PROBE_MS = 2_000;

/** Asks every part at once, each within `probeMs`, so that one that hangs does not keep the others' state from whoever asks. */
export async function readiness(parts: ReadinessParts, probeMs = PROBE_MS): Promise<readonly PartReadiness[]> {
  const { embedding } = parts;
  const missing = parts.issuersMissing();
  const asked = await Promise.all([
    answers('index', parts.index, probeMs),
    answers('catalog', parts.catalog, probeMs),
    ...(embedding === undefined ? [] : [answers('embedding', embedding, probeMs)]),
  ]);
  if (missing.length === 0) return [...asked, { part: 'issuers', ready: true }];
  return [...asked, { part: 'issuers', ready: false, reason: `no keys read yet from ${missing.join(', ')}` }];
}

async function answers(part: string, probe: Probe, probeMs: number): Promise<PartReadiness> {
  const signal = AbortSignal.timeout(probeMs);
  // Not every part looks at a signal: the database has deadlines of its own, and longer ones.
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  try {
    await Promise.race([probe(signal), late]);
    return { part, ready: true };
  } catch {
    return { part, ready: false, reason: 'does not answer' };
  }
}
