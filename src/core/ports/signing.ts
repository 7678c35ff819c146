import type { Change } from './catalog.ts';

/** An Ed25519 key of this deployment, as anybody may know it. */
export interface PublishedKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** ISO 8601. */
  readonly since: string;
  /** ISO 8601; absent while it signs. Signatures made before stay good. */
  readonly retired?: string;
}

export interface Signed {
  readonly kid: string;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** The keys with which checkpoints and manifests are signed. Private keys never leave the room, and never lie in the database. */
export interface SigningPort {
  /** Signs with the key in force. 64 bytes. */
  sign(message: Uint8Array): Signed;
  /**
   * Signs with the key that was in force before, so that whoever trusts only that one can follow the first checkpoint after a change
   * to the new one. Undefined where there was none, or its private part was destroyed.
   */
  coSign(message: Uint8Array): Signed | undefined;
  /** All that ever signed, the one in force first, then the last retired first. */
  keys(): readonly [PublishedKey, ...PublishedKey[]];
}

/** What the database knows of the keys: public parts alone. Fails with `catalog_unavailable`. */
export interface KeyRegistry {
  /** All that this deployment ever signed with, by the time since when. */
  signingKeys(): Promise<readonly PublishedKey[]>;
  /**
   * Notes which keys there are and which one is in force, and tells the log of each tenant that does not say so yet (`key.published`,
   * `key.retired`), each in a transaction of its own. The keys that it was not given: whoever lacks one must not sign, and nothing
   * was noted.
   */
  announceKeys(keys: readonly [PublishedKey, ...PublishedKey[]], change: Change): Promise<readonly PublishedKey[]>;
}
