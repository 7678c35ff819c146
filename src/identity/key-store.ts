import type { CryptoKey } from 'jose';
import { abortable } from './abortable.ts';
import { invalidToken, issuerUnavailable } from './failures.ts';
import type { VerificationKey } from './key-set.ts';
import { createKeyReader, type KeyStoreParts } from './published-keys.ts';

export interface FoundKey {
  readonly key: CryptoKey;
  /** Of the set the key was found in. */
  readonly generation: number;
}

export interface KeyStore {
  /** Fails with `invalid_token` where the provider has no such key, `issuer_unavailable` where that could not be asked. */
  find(keyId: string | undefined, algorithm: string, signal: AbortSignal): Promise<FoundKey>;
  /** Reads the keys now; true where a usable key is known afterwards. */
  read(): Promise<boolean>;
  /** True once a usable key has been read. */
  readonly ready: boolean;
  /** Moves when a key was taken out: what was verified under a lower one must be verified again. */
  readonly generation: number;
}

/**
 * The keys of one provider. Reading them fails soft for keys already known, up to `keysOutageMs`, and closed for any
 * other. In an outage the keys at hand serve at once and the retry goes on behind; only who needs an unknown key waits.
 */
export function createKeyStore(parts: KeyStoreParts): KeyStore {
  const { issuer, limits, clock } = parts;
  const reader = createKeyReader(parts);

  /** A clock that was set back counts as passed: rather one read too many than keys kept too long. */
  function passed(since: number | 'never', duration: number): boolean {
    const elapsed = since === 'never' ? duration : clock.now() - since;
    return elapsed < 0 || elapsed >= duration;
  }
  const usable = (): readonly VerificationKey[] => (passed(reader.state.readAt, limits.keysOutageMs) ? [] : reader.state.keys);
  const cooled = (): boolean => passed(reader.state.triedAt, usable().length === 0 ? limits.emptyCoolDownMs : limits.coolDownMs);
  const pick = (keyId: string | undefined, algorithm: string): readonly VerificationKey[] =>
    usable().filter((key) => key.fits(algorithm) && (keyId === undefined || key.id === keyId));

  async function refreshStale(signal: AbortSignal): Promise<void> {
    if (!passed(reader.state.readAt, limits.keysMaxAgeMs) || !cooled()) return;
    const { failed } = reader.state;
    const done = reader.refresh();
    if (usable().length === 0 || !failed) await abortable(done, signal, issuer);
  }

  return {
    async find(keyId, algorithm, signal) {
      await refreshStale(signal);
      if (pick(keyId, algorithm).length === 0 && (reader.reading || cooled())) await abortable(reader.refresh(), signal, issuer);
      // Both taken before anything else is awaited: a key that is taken out meanwhile must not vouch under the new generation.
      const [key, ...others] = pick(keyId, algorithm);
      const { generation, failed } = reader.state;
      if (key === undefined) throw failed ? issuerUnavailable(issuer, 'its keys could not be read') : invalidToken('an unknown key');
      // RFC 7515 §4.1.4: the key must be unambiguous; trying one after another would let any of them vouch for a `kid`.
      if (others.length > 0) throw invalidToken('an ambiguous key');
      return { key: await importedKey(key, algorithm), generation };
    },
    async read() {
      await reader.refresh();
      return usable().length > 0;
    },
    get ready() {
      return reader.state.ready;
    },
    get generation() {
      return reader.state.generation;
    },
  };
}

async function importedKey(key: VerificationKey, algorithm: string): Promise<CryptoKey> {
  try {
    return await key.forAlgorithm(algorithm);
  } catch {
    throw invalidToken('a published key that cannot be used');
  }
}
