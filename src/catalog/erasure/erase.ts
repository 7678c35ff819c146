import { named } from '../../core/audit-names.ts';
import { AppError } from '../../core/errors.ts';
import { uuidOf } from '../../core/digest.ts';
import type { DocumentKey, TenantId } from '../../core/ids.ts';
import type { Erasable } from '../../core/ports/audit.ts';
import type { Change } from '../../core/ports/catalog.ts';
import type { ErasureCatalog, ErasureOutcome } from '../../core/ports/erasure.ts';
import type { ErasureSink } from '../../database/erasure-sink.ts';
import type { Tx } from '../../database/database.ts';
import { databaseNow, type CatalogContext } from '../context.ts';
import { demandStill } from '../decided-under.ts';
import { changeEvent } from '../events.ts';
import { moveEpoch, type Movement } from '../epochs.ts';
import { eraseContent } from './content.ts';
import { erasePerson } from './person.ts';

/** A person who was in ten thousand groups, or a document with ten thousand versions, takes longer than other changes. */
const LONG = { timeoutMs: 120_000 };

/** Thrown to roll back what the catalog had erased already where the log says that it may not be. */
class NotErased extends Error {
  readonly outcome: ErasureOutcome;

  constructor(outcome: ErasureOutcome) {
    super('not erased');
    this.outcome = outcome;
  }
}

/**
 * The order within the transaction is that of locks everywhere: the epoch row, the catalog's rows, the head of the log. The hold is looked
 * at under the last of them, by whoever keeps holds, so none can be placed between the question and the erasure; where one stands,
 * everything is rolled back.
 */
export function erasure(context: CatalogContext): ErasureCatalog {
  const { database, erasureSink: sink = noSink } = context;
  // What a process that crashed left is written over by the next one.
  let due = true;
  return {
    async erase(tenant, what, reason, change, under) {
      try {
        return await database.transaction(async (tx) => {
          due = true;
          await moveEpoch(tx, tenant, movementOf(what));
          await demandStill(tx, tenant, under);
          const touched = await eraseRows(context, tx, tenant, what, change);
          const outcome = await sink(tx, tenant, what, reason, change);
          if (outcome.kind === 'erased') return outcome;
          if (outcome.kind === 'held' || !touched) throw new NotErased(outcome);
          return underAName(context, tx, tenant, what, reason, change, sink);
        }, LONG);
      } catch (error) {
        if (error instanceof NotErased) return error.outcome;
        throw error;
      }
    },
    async scrubErased() {
      if (!due) return true;
      due = false;
      due = !(await database.scrub().catch(() => false));
      return !due;
    },
    async everHad(tenant, source, document, version) {
      const row = await database.db
        .selectFrom('documents as d')
        .select('d.key')
        .where('d.tenant', '=', tenant)
        .where('d.key', '=', uuidOf('document', tenant, source, document))
        .$if(version !== undefined, (query) =>
          query.where(({ exists, selectFrom }) =>
            exists(
              selectFrom('document_versions as v')
                .select('v.content')
                .whereRef('v.tenant', '=', 'd.tenant')
                .whereRef('v.key', '=', 'd.key')
                .where('v.version', '=', version ?? ''),
            ),
          ),
        )
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}

/** Of somebody in the directory who never did anything the log knows no name; the event that needs one gives it, and it goes with the rest. */
async function underAName(
  context: CatalogContext,
  tx: Tx,
  tenant: TenantId,
  what: Erasable,
  reason: string,
  change: Change,
  sink: ErasureSink,
): Promise<ErasureOutcome> {
  if (what.kind === 'caller') {
    const event = changeEvent(tenant, 'directory.user-deleted', change, { principal: named(what.principal) });
    await context.auditSink(tx, event);
  }
  const outcome = await sink(tx, tenant, what, reason, change);
  if (outcome.kind === 'erased') return outcome;
  throw new AppError('internal', { detail: 'the log does not know what the catalog held' });
}

const noSink: ErasureSink = () => Promise.reject(new AppError('internal', { detail: 'nothing here erases the log' }));

/** Taking a text away is a revocation; so is taking away the groups, grants and sessions of a person. */
function movementOf(what: Erasable): Movement {
  return { epoch: true, generation: what.kind === 'caller' };
}

/** True where the catalog held something of it. */
async function eraseRows(context: CatalogContext, tx: Tx, tenant: TenantId, what: Erasable, change: Change): Promise<boolean> {
  const at = await databaseNow(tx, context);
  if (what.kind === 'caller') return erasePerson(tx, tenant, what.principal, at);
  const key = uuidOf('document', tenant, what.source, what.document) as DocumentKey;
  return eraseContent(tx, tenant, { ...what, key }, change, at);
}
