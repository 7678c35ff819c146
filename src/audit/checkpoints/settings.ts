/** Plain data: it crosses into the worker's thread. */
export interface SequencerSettings {
  /** Of this process: who holds the lease. */
  readonly holder: string;
  /** Before `/sluice/` in the origins of checkpoints: the public host, or the deployment's id. */
  readonly host: string;
  /** Between checkpoints, where events were appended. */
  readonly checkpointSeconds: number;
  /** Where checkpoints are given to. */
  readonly outside: readonly OutsidePlace[];
  readonly timing?: Partial<SequencerTiming>;
  /** Events from which a root is computed where the index cannot tell it; a longer log waits for its index. 2,000,000 unless said. */
  readonly computedUpTo?: number;
}

/** Milliseconds. */
export interface SequencerTiming {
  /** Between looks at the log. */
  readonly tickMs: number;
  /** How long a lease holds without being renewed. */
  readonly leaseMs: number;
  /** How long an intent may stand alone before it is swept. */
  readonly sweepAfterMs: number;
  /** One try at one place outside. */
  readonly outsideMs: number;
  /** How long a caller waits for a checkpoint that another replica makes. */
  readonly freshMs: number;
}

export const SEQUENCER_TIMING: SequencerTiming = {
  tickMs: 500,
  leaseMs: 15_000,
  sweepAfterMs: 120_000,
  outsideMs: 10_000,
  freshMs: 20_000,
};

/** `name`: as the database remembers the place, and as messages name it. */
export type OutsidePlace = { readonly name: string } & (
  | /** An append-only file for each log in this directory. */ { readonly kind: 'file'; readonly path: string }
  | /** C2SP tlog-witness. `key`: its verifier key, a cosigner's. */ {
      readonly kind: 'witness';
      readonly url: string;
      readonly key: string;
    }
  | /** An object for each size, under PUT and GET. */ { readonly kind: 'http'; readonly url: string; readonly token: string | undefined }
);
