import { createPolicy } from '../policy/policy.ts';
import type { Config } from '../config.ts';
import { systemClock, type Clock } from '../core/ports/clock.ts';
import type { EvidencePort } from '../core/ports/evidence.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { createEmbedding, type Embedding } from '../embedding/embedding.ts';
import { createIdentity, type Identity } from '../identity/identity.ts';
import { createMender, type Mender } from '../ingestion/mender.ts';
import type { BeginRun } from '../ingestion/lineage.ts';
import type { Reconciler } from '../ingestion/reconciler.ts';
import type { WatchService } from '../retrieval/watch.ts';
import type { Signing } from '../signing/signing.ts';
import type { ServiceTelemetry } from '../telemetry/telemetry.ts';
import { startTracing } from '../telemetry/tracing.ts';
import type { StartableVectorIndex } from '../vectors/vector-index.ts';
import { checkCollections } from './check-collections.ts';
import { checkPolicy } from './check-policy.ts';
import type { Closers } from './closers.ts';
import type { ServiceLimits } from './limits.ts';
import { openStores, type Stores } from './open-stores.ts';
import { readPolicyFiles, type PolicyFiles } from './policy-files.ts';
import { policyTools, type PolicyTools } from './policy-tools.ts';
import { quarantineOf, type Quarantine } from './quarantine.ts';
import { startEvidence } from './start-evidence.ts';
import { startIndex } from './start-index.ts';
import { startLineage } from './start-lineage.ts';
import { startReconciler } from './start-reconciler.ts';
import type { ServiceOptions } from './service-options.ts';
import { startSigning } from './start-signing.ts';
import { startWatch } from './watching.ts';

/** What is decided and kept, and the evidence of it: open before anything can be searched. */
interface Foundation {
  readonly config: Config;
  readonly telemetry: ServiceTelemetry;
  readonly clock: Clock;
  readonly limits: ServiceLimits;
  readonly files: PolicyFiles;
  readonly policy: PolicyPort;
  readonly stores: Stores;
  readonly signing: Signing;
  readonly lineage: BeginRun;
  readonly auditor: EvidencePort;
}

/** Every room, started. */
export interface RunningParts extends Foundation {
  readonly embedding: Embedding;
  readonly vectors: StartableVectorIndex;
  readonly identity: Identity;
  readonly watch: WatchService;
  readonly quarantine: Quarantine;
  readonly mender: Mender;
  readonly reconciler: Reconciler;
  readonly tools: PolicyTools;
}

/** Starts the rooms in the order in which they need each other; `closers` end what was started, also where the rest does not start. */
export async function startParts(config: Config, options: ServiceOptions, closers: Closers): Promise<RunningParts> {
  const foundation = await lay(config, options, closers);
  const { telemetry, clock, limits, files, policy, stores } = foundation;
  const { catalog } = stores;
  const { dense } = config.embedding;
  const embedding = createEmbedding({ dense: dense.kind === 'remote' ? { ...dense, limits: limits.embedding ?? {} } : dense, telemetry });
  closers.add(() => embedding.close());
  const indexParts = { config, catalog, identity: embedding.identity, telemetry, clock, closers };
  const vectors = await startIndex({ ...indexParts, ...(limits.index === undefined ? {} : { limits: limits.index }) });
  await checkCollections(catalog, vectors.hosted, telemetry.log, AbortSignal.timeout(60_000));
  const identity = await startIdentity(foundation, options, closers);
  const watch = await startWatch({ stores, watching: files.watching, policy, telemetry, clock, closers });
  const quarantine = quarantineOf(catalog, identity.issuers, clock, files.hygiene);
  const mender = createMender({
    writes: catalog,
    vectors,
    telemetry,
    resolveQuarantined: quarantine.resolve,
    sweepSessions: catalog.sweepSessions,
    scrub: () => catalog.scrubErased(),
    hosted: { catalog, index: vectors.hosted },
  });
  closers.add(() => mender.close());
  const reconciler = startReconciler({ config, stores, vectors, embedding, telemetry, closers, limits: limits.reconciler });
  const tools = policyTools({ stores, policy, scheme: files.vocabulary.scheme, telemetry, issuers: identity.issuers });
  closers.add(() => tools.shadow.close());
  return { ...foundation, embedding, vectors, identity, watch, quarantine, mender, reconciler, tools };
}

async function lay(config: Config, options: ServiceOptions, closers: Closers): Promise<Foundation> {
  const { telemetry, version, clock = systemClock, limits = {} } = options;
  if (config.otlpEndpoint !== undefined) {
    const tracing = await startTracing({ endpoint: config.otlpEndpoint, serviceName: 'sluice', version });
    closers.add(() => tracing.stop());
  }
  const files = await readPolicyFiles(config.policyDir);
  const { scheme, purposes } = files.vocabulary;
  const policy = createPolicy({ model: files.model, purposes, scheme, telemetry });
  const stores = await openStores(config, scheme, telemetry, limits);
  closers.add(() => stores.database.close());
  const { catalog } = stores;
  await checkPolicy({ catalog, policy, files, log: telemetry.log });
  await options.prepare?.({ stores, files, policy });
  const signing = await startSigning({ config, catalog, clock, telemetry, closers });
  const lineage = startLineage({ config, version, clock, telemetry, closers });
  const auditor = await startEvidence({ config, stores, signing, telemetry, closers, limits });
  return { config, telemetry, clock, limits, files, policy, stores, signing, lineage, auditor };
}

async function startIdentity({ config, stores, clock }: Foundation, options: ServiceOptions, closers: Closers): Promise<Identity> {
  const { issuers = [], telemetry, limits = {} } = options;
  const all = [...config.issuers, ...issuers];
  const identity = createIdentity({ issuers: all, clock, telemetry, once: stores.catalog, limits: limits.identity ?? {} });
  closers.add(() => identity.close());
  await identity.start(AbortSignal.timeout(10_000));
  return identity;
}
