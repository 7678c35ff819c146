import type { Telemetry } from '../../core/ports/telemetry.ts';
import type { AuditHeadRow } from '../../database/audit-tables.ts';
import { FencedOff } from '../index/fence.ts';
import { GapInLog, logState, settleMap } from '../index/index-step.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import type { Deeds } from '../worker/protocol.ts';
import { BrokenLog, followLog } from './follow-log.ts';
import type { Halts } from './halts.ts';
import { LeaseLost } from './lease.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Place } from './outside/place.ts';
import { compareLog, rollbackMessage, type Comparison } from './rollback.ts';
import { demandSameLog, ForkedLog, signCheckpoint } from './sign-checkpoint.ts';
import { newestCheckpoint } from './stored.ts';

export interface AdvanceParts {
  readonly databases: LogAndIndex;
  readonly places: readonly Place[];
  readonly deeds: Deeds;
  readonly telemetry: Telemetry;
  readonly keeper: LeaseKeeper;
  readonly halts: Halts;
  readonly host: string;
  readonly checkpointMs: number;
  readonly placeMs: number;
  readonly computedUpTo: number | undefined;
}

export type LogHead = Pick<AuditHeadRow, 'tenant' | 'size' | 'head'>;

export interface AdvanceLogs {
  /**
   * One batch of one log, or its checkpoint where everything is indexed and it is time (`now`: database time) or one larger than what is
   * signed is `wanted`. `more`: there is more to do at once. Rejects with `LeaseLost` and `FencedOff` alone.
   */
  advance(head: LogHead, now: number, wanted: number): Promise<'reached' | 'more'>;
  /** Tenants that have checkpoints which may go outside. */
  signed(): readonly string[];
  /** The lease has changed hands: everything is looked at anew. */
  forget(): void;
}

interface TenantState {
  /** With what is outside, since the lease was taken. `once-indexed`: before that it cannot be told. */
  compared: 'not-yet' | 'once-indexed' | 'same';
  /** Of the newest checkpoint: its size, and when it was made. */
  signed: number;
  signedAt: number;
  /** The size at which index, map and checkpoint were seen to agree; -1 before. */
  settled: number;
  /** The newest checkpoint that this process knows of, whatever is deleted in the database. */
  last: { readonly size: number; readonly root: string } | undefined;
}

export function createAdvanceLogs(parts: AdvanceParts): AdvanceLogs {
  const { halts, telemetry, databases } = parts;
  const states = new Map<string, TenantState>();
  const builtAgain = new Set<string>();
  async function run(head: LogHead, now: number, wanted: number): Promise<'reached' | 'more'> {
    const { tenant, size } = head;
    const wasHalted = halts.message(tenant) !== undefined;
    if (await halts.isHalted(tenant)) return 'reached';
    if (wasHalted) {
      states.delete(tenant);
      builtAgain.delete(tenant);
    }
    const state = states.get(tenant) ?? (await storedState(databases, tenant));
    states.set(tenant, state);
    if (state.compared === 'same' && state.settled === size) return 'reached';
    // The database was exchanged under us: what it says about checkpoints is as old as the rest of it.
    if (size < state.signed) {
      await halts.halt(tenant, rollbackMessage({ tenant, place: 'this process', size: state.signed, logSize: size, reason: 'smaller' }));
      return 'reached';
    }
    if (state.compared === 'not-yet' && (await compare(parts, tenant, state)) === 'rolled-back') return 'reached';
    const { term } = await parts.keeper.hold();
    const reached = await followLog(databases, term, head, builtAgain);
    // An index that was not of this log: so neither may be what it was compared with.
    if (builtAgain.has(tenant)) state.compared = 'once-indexed';
    if (reached === 'more') return 'more';
    if (state.compared !== 'same' && (await compareIndexed(parts, tenant, state)) === 'rolled-back') return 'reached';
    await settle(parts, head, state, now - state.signedAt >= parts.checkpointMs || wanted > state.signed);
    return 'reached';
  }
  return {
    async advance(head, now, wanted) {
      try {
        return await run(head, now, wanted);
      } catch (error) {
        if (error instanceof LeaseLost || error instanceof FencedOff) throw error;
        if (error instanceof ForkedLog || error instanceof BrokenLog || error instanceof GapInLog) {
          await halts.halt(head.tenant, error.message);
        } else {
          telemetry.count('checkpoint_failures', { part: 'index' });
          telemetry.log.error({ tenant: head.tenant }, 'the log of a tenant could not be indexed or signed', error);
        }
        // One tenant's failure is not the others'.
        return 'reached';
      }
    },
    signed: () => [...states].filter(([tenant, { signed }]) => signed > 0 && halts.message(tenant) === undefined).map(([tenant]) => tenant),
    forget: () => states.clear(),
  };
}

async function storedState({ log }: LogAndIndex, tenant: string): Promise<TenantState> {
  const newest = await newestCheckpoint(log.db, tenant);
  return {
    compared: 'not-yet',
    signed: newest?.size ?? 0,
    signedAt: newest === undefined ? 0 : Date.parse(newest.at),
    settled: -1,
    last: newest,
  };
}

/** Before the first signature under a lease: is this the log of which checkpoints were given away? Where it is not, it is halted. */
async function compare(parts: AdvanceParts, tenant: string, state: TenantState): Promise<Comparison['kind']> {
  const { halts, telemetry } = parts;
  const unreachable = (place: Place, error: unknown): void => {
    telemetry.count('checkpoint_failures', { part: 'outside' });
    telemetry.log.error({ place: place.name }, 'a place outside could not be asked for its checkpoints', error);
  };
  const found = await compareLog({ ...parts, unreachable }, tenant);
  if (found.kind === 'rolled-back') await halts.halt(tenant, rollbackMessage(found));
  else state.compared = found.kind === 'same' ? 'same' : 'once-indexed';
  return found.kind;
}

/** The index leads to the head of the log, so it can tell of every checkpoint. Where it cannot all the same, nothing is signed. */
async function compareIndexed(parts: AdvanceParts, tenant: string, state: TenantState): Promise<'same' | 'rolled-back'> {
  const kind = await compare(parts, tenant, state);
  if (kind === 'cannot-tell') throw new Error('a log that is wholly indexed cannot be compared with its checkpoints');
  return kind;
}

/** Everything is indexed: signs where it is `due`, and makes a map anew that was lost with the index. */
async function settle(parts: AdvanceParts, { tenant, size }: LogHead, state: TenantState, due: boolean): Promise<void> {
  const { mapSize } = await logState(parts.databases.index.db, tenant);
  const lost = mapSize < state.signed;
  if (state.signed < size) {
    // Of a smaller size there will be no map any more, so the next checkpoint does not wait.
    if (due || lost) await sign(parts, tenant, state);
  } else if (lost) {
    await settleMap(parts.databases.index, (await parts.keeper.hold()).term, tenant);
  }
  if (state.signed === size) state.settled = size;
}

async function sign(parts: AdvanceParts, tenant: string, state: TenantState): Promise<void> {
  const lease = await parts.keeper.hold();
  await demandSameLog(parts.databases, tenant, state.last);
  const made = await signCheckpoint(parts, lease, tenant);
  if (made === undefined) return;
  state.last = made;
  state.signed = made.size;
  state.signedAt = Date.parse(made.at);
  parts.telemetry.gauge('audit_checkpoint_last_seconds', Math.floor(state.signedAt / 1_000));
  parts.telemetry.gauge('audit_checkpoint_last_size', made.size);
}
