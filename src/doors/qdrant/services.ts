import type { Caller } from '../../core/caller.ts';
import type { IdentityPort } from '../../core/ports/identity.ts';
import type { PointsWriter } from '../../ingestion/points/types.ts';
import type { PointsReader } from '../../retrieval/points/types.ts';

/** What the door calls. It decides nothing itself. */
export interface QdrantServices {
  readonly identity: IdentityPort;
  readonly applicationKeys: {
    /** The application that a static key stands for, alone; undefined where there is none, or no longer. */
    authenticate(secret: string): Promise<Caller | undefined>;
  };
  readonly reader: PointsReader;
  readonly writer: PointsWriter;
  /** Somebody named what is hidden from them or missing. Never waits, never fails. */
  nearMiss(caller: Caller): void;
  /** Names of the parts that cannot be used now; they name no host and no secret. */
  notReady(): Promise<readonly string[]>;
}
