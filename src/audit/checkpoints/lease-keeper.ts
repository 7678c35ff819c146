import type { Database } from '../../database/database.ts';
import { giveUpLease, LeaseLost, takeLease, type Lease } from './lease.ts';

export interface LeaseKeeper {
  /** The lease, renewed where a third of its time is over. Throws `LeaseLost` where somebody else has it. */
  hold(): Promise<Lease>;
  /** It turned out to be lost: the next `hold` asks the database. */
  lost(): void;
  giveUp(): Promise<void>;
}

/** `changed`: this process got the lease under a new term, so whatever it knew may have changed meanwhile. */
export function createLeaseKeeper(log: Database, holder: string, leaseMs: number, changed: () => void): LeaseKeeper {
  let lease: Lease | undefined;
  let renewedAt = 0;
  return {
    async hold() {
      if (lease === undefined || performance.now() - renewedAt > leaseMs / 3) {
        const before = lease;
        lease = await takeLease(log, holder, leaseMs, lease);
        renewedAt = performance.now();
        if (lease?.term !== before?.term) changed();
      }
      if (lease === undefined) throw new LeaseLost();
      return lease;
    },
    lost() {
      lease = undefined;
    },
    async giveUp() {
      if (lease !== undefined) await giveUpLease(log, lease);
      lease = undefined;
    },
  };
}
