import type { AggregateCatalog } from '../core/ports/aggregates.ts';
import type { DocumentChunks } from '../core/ports/document-chunks.ts';
import type { DriftCatalog } from '../core/ports/drift.ts';
import type { ErasureCatalog, ReplayApprovals } from '../core/ports/erasure.ts';
import type { ApplicationKeyCatalog } from '../core/ports/application-keys.ts';
import type { AccessCatalog } from '../core/ports/access-requests.ts';
import type { CollectionRegistry } from '../core/ports/collection-registry.ts';
import type { CollectionCatalog } from '../core/ports/collections.ts';
import type { PointReads } from '../core/ports/collections.ts';
import type { ReadCatalog, WriteCatalog } from '../core/ports/catalog.ts';
import type { BatchCatalog } from '../core/ports/document-batches.ts';
import type { TenantAdmin } from '../core/ports/tenants.ts';
import type { DirectoryCatalog } from '../core/ports/directory.ts';
import type { HistoryCatalog, ScanCatalog } from '../core/ports/history.ts';
import type { HoneyCatalog, HoneyMarkers } from '../core/ports/honey.ts';
import type { OriginalCatalog } from '../core/ports/originals.ts';
import type { RevisionCatalog } from '../core/ports/revisions.ts';
import type { LogoutCatalog } from '../core/ports/logouts.ts';
import type { KeyRegistry } from '../core/ports/signing.ts';
import type { SessionReads, SessionUpkeep } from '../core/ports/sessions.ts';
import type { EntitlementCatalog } from '../core/ports/watching.ts';
import type { SwitchCatalog } from '../core/ports/switches.ts';
import { accessRequests } from './access-requests.ts';
import { createCandidates } from './candidates.ts';
import { collectionRegistry } from './collections.ts';
import { guard, type CatalogContext } from './context.ts';
import { createDeleteDocument } from './delete-documents.ts';
import { documentBatches } from './document-batches.ts';
import { createChange, documentReads } from './documents.ts';
import { directoryGroupWrites } from './directory/groups.ts';
import { quarantinedDocuments } from './directory/quarantined.ts';
import { directoryReads } from './directory/reads.ts';
import { directoryUserWrites } from './directory/users.ts';
import { comparison } from './drift.ts';
import { createEpochReader } from './epochs.ts';
import { erasure } from './erasure/erase.ts';
import { createRecordLogout, refusingEndedLogins } from './logouts.ts';
import { pointReads } from './hosted/point-reads.ts';
import { hostedCollections } from './hosted/collections.ts';
import { createHoneyMarkers, createMarkHoney } from './honey.ts';
import { createNumbers } from './numbers.ts';
import { createOnce } from './once.ts';
import { applicationKeys } from './hosted/application-keys.ts';
import { createHistory } from './past.ts';
import { createDocumentChunks } from './document-chunks.ts';
import { documentCounts } from './document-counts.ts';
import { createPublish } from './publish.ts';
import { reconciliationRuns } from './reconciliation-runs.ts';
import { replayApprovals } from './replay-approvals.ts';
import { createReserve } from './reserve.ts';
import { createResolve } from './resolve.ts';
import { createDeleteSource, createPutSource } from './sources.ts';
import { sessions } from './sessions.ts';
import { signingKeys } from './signing-keys.ts';
import { revisions } from './revisions.ts';
import { createScan } from './scan.ts';
import { createStage } from './stage.ts';
import { aggregates } from './unsettled.ts';
import { switches } from './switches.ts';
import { thrownSwitches } from './thrown-switches.ts';
import { tenantAdmin } from './tenants.ts';
import { upkeep } from './upkeep.ts';
import { createViews } from './view.ts';

export type Catalog = ReadCatalog &
  BatchCatalog &
  LogoutCatalog &
  WriteCatalog &
  HoneyCatalog &
  OriginalCatalog &
  HoneyMarkers &
  DirectoryCatalog &
  TenantAdmin &
  SwitchCatalog &
  AccessCatalog &
  CollectionRegistry &
  PointReads &
  SessionReads &
  SessionUpkeep &
  AggregateCatalog &
  DocumentChunks &
  EntitlementCatalog &
  HistoryCatalog &
  ScanCatalog &
  ErasureCatalog &
  ReplayApprovals &
  RevisionCatalog &
  KeyRegistry &
  ApplicationKeyCatalog &
  DriftCatalog &
  CollectionCatalog;

/** The catalog over a migrated database. Every failure of the database is `catalog_unavailable`. */
export function createCatalog(context: CatalogContext): Catalog {
  const methods = guarded(context, {
    epoch: createEpochReader(context.database),
    view: createViews(context),
    resolve: refusingEndedLogins(context, createResolve(context)),
    recordLogout: createRecordLogout(context),
    useOnce: createOnce(context),
    numbers: createNumbers(context),
    candidates: createCandidates(context.database),
    putSource: createPutSource(context),
    deleteSource: createDeleteSource(context),
    ...documentReads(context),
    reserve: createReserve(context),
    stage: createStage(context),
    publish: createPublish(context),
    change: createChange(context),
    deleteDocument: createDeleteDocument(context),
    markHoney: createMarkHoney(context),
    honeyMarkers: createHoneyMarkers(context),
    ...documentBatches(context),
    ...upkeep(context),
    ...aggregates(context),
    documentChunks: createDocumentChunks(context),
    documentCounts: documentCounts(context),
    ...comparison(context),
    ...reconciliationRuns(context),
    ...tenantAdmin(context),
    ...switches(context),
    ...thrownSwitches(context),
    ...accessRequests(context),
    ...sessions(context),
    ...erasure(context),
    ...replayApprovals(context),
    ...directoryReads(context),
    quarantinedDocuments: quarantinedDocuments(context),
    ...directoryUserWrites(context),
    ...directoryGroupWrites(context),
    ...collectionRegistry(context),
    ...pointReads(context),
    ...createHistory(context),
    ...hostedCollections(context),
    ...revisions(context),
    ...signingKeys(context),
    ...applicationKeys(context),
  });
  // It gives pages, not a promise, and guards each reading itself.
  return { ...methods, scan: createScan(context) };
}

function guarded({ telemetry }: CatalogContext, catalog: Omit<Catalog, 'scan'>): Omit<Catalog, 'scan'> {
  const methods = Object.entries(catalog).map(([name, method]) => [
    name,
    guard(telemetry, method as (...args: never[]) => Promise<unknown>),
  ]);
  return Object.fromEntries(methods) as Omit<Catalog, 'scan'>;
}
