import canonicalize from 'canonicalize';
import type { JsonObject } from '../core/json.ts';
import type { CollectionRegistry } from '../core/ports/collection-registry.ts';
import { databaseNow, type CatalogContext } from './context.ts';

export function collectionRegistry(context: CatalogContext): CollectionRegistry {
  const { database } = context;

  async function read(collection: string): Promise<JsonObject | undefined> {
    const row = await database.db
      .selectFrom('collection_identity')
      .select('identity')
      .where('collection', '=', collection)
      .executeTakeFirst();
    return row && (JSON.parse(row.identity) as JsonObject);
  }

  return {
    collectionIdentity: read,
    async recordCollectionIdentity(collection, identity) {
      const text = canonicalize(identity);
      if (text === undefined) throw new Error('a collection identity without a canonical form');
      await database.transaction(async (tx) => {
        const at = await databaseNow(tx, context);
        await tx
          .insertInto('collection_identity')
          .values({ collection, identity: text, recorded_from: at })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      });
      return (await read(collection)) ?? identity;
    },
  };
}
