import { afterEach, beforeEach, describe } from 'vitest';
import type { DatabaseConfig } from '../../src/database/open-database.ts';
import { catalogWorld, type CatalogWorld } from '../support/catalog-fixture.ts';
import { describeApplicationKeys } from './catalog-application-keys.contract.ts';
import { describeBatches } from './catalog-batches.contract.ts';
import { describeCollections } from './catalog-collections.contract.ts';
import { describeDocuments } from './catalog-documents.contract.ts';
import { describeDirectory } from './catalog-directory.contract.ts';
import { describeEpochs } from './catalog-epochs.contract.ts';
import { describeHistory } from './catalog-history.contract.ts';
import { describeHoney } from './catalog-honey.contract.ts';
import { describeIsolation } from './catalog-isolation.contract.ts';
import { describeKeys } from './catalog-keys.contract.ts';
import { describeLogouts } from './catalog-logouts.contract.ts';
import { describePoints } from './catalog-points.contract.ts';
import { describeRaces } from './catalog-races.contract.ts';
import { describeUpkeep } from './catalog-upkeep.contract.ts';
import { describeViews } from './catalog-views.contract.ts';

export type GetWorld = () => CatalogWorld;

/** What the catalog promises, whatever the database. `fresh` names a new, empty database each time. */
export function catalogContract(name: string, fresh: () => Promise<DatabaseConfig>): void {
  describe(`catalog on ${name}`, () => {
    let world: CatalogWorld | undefined;
    beforeEach(async () => {
      world = await catalogWorld(await fresh());
    });
    afterEach(() => world?.close());
    const get: GetWorld = () => {
      if (world === undefined) throw new Error('the world was not made');
      return world;
    };
    describeDocuments(get);
    describeBatches(get);
    describeRaces(get);
    describeDirectory(get);
    describeEpochs(get);
    describeViews(get);
    describeHistory(get);
    describeHoney(get);
    describeUpkeep(get);
    describeIsolation(get);
    describeLogouts(get);
    describeKeys(get);
    describeCollections(get);
    describeApplicationKeys(get);
    describePoints(get);
  });
}
