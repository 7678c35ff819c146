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
