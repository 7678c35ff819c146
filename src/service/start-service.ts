import { randomBytes, randomUUID } from 'node:crypto';
import type { Config } from '../config.ts';
import { systemClock, type Clock } from '../core/ports/clock.ts';
import type { EvidencePort } from '../core/ports/evidence.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { createGroups } from '../administration/directory/groups.ts';
import { createProvisioning } from '../administration/directory/provisioning.ts';
import { createHttpDoor } from '../doors/http/http-door.ts';
import { DEFAULT_HTTP_LIMITS, DEFAULT_RATE_LIMITS, type HttpDoorConfig } from '../doors/http/config.ts';
import type { HttpServices } from '../doors/http/services.ts';
import { createEmbedding, type Embedding } from '../embedding/embedding.ts';
import { createIdentity, type Identity } from '../identity/identity.ts';
import type { BeginRun } from '../ingestion/lineage.ts';
import { createMender, type Mender } from '../ingestion/mender.ts';
import type { Reconciler } from '../ingestion/reconciler.ts';
import { createReconciliations } from '../ingestion/reconciliations.ts';
import { createIngestion } from '../ingestion/service.ts';
import { createEndLogin } from '../administration/logout.ts';
import { createAccessRequests } from '../administration/access-requests.ts';
import { createWatching } from '../administration/watching.ts';
import { createSwitches } from '../administration/switches.ts';
import { createPolicy } from '../policy/policy.ts';
import { manifestSigner } from '../provenance/manifest.ts';
import { createProvenance } from '../provenance/provenance.ts';
import { checkSession } from '../retrieval/check-session.ts';
import { countChunks } from '../retrieval/count.ts';
import { inRetrievalSpan } from '../retrieval/retrieval-span.ts';
import { retrieve, type RetrievalParts } from '../retrieval/retrieve.ts';
import type { WatchService } from '../retrieval/watch.ts';
import { traceRequest } from '../evidence/trace.ts';
import type { StageService } from '../evidence/stage-service.ts';
import type { ServiceTelemetry } from '../telemetry/telemetry.ts';
import { startTracing } from '../telemetry/tracing.ts';
import type { Signing } from '../signing/signing.ts';
import type { StartableVectorIndex } from '../vectors/vector-index.ts';
import { checkPolicy } from './check-policy.ts';
import { createClosers } from './closers.ts';
import { evidenceServices, type EvidenceServices } from './evidence.ts';
import type { ServiceLimits } from './limits.ts';
import { openStores, type Stores } from './open-stores.ts';
import { policyTools, type PolicyTools } from './policy-tools.ts';
import { quarantineOf, type Quarantine } from './quarantine.ts';
import { readPolicyFiles, type PolicyFiles } from './policy-files.ts';
import { readiness } from './readiness.ts';
import { stageService } from './stages.ts';
import { startEvidence } from './start-evidence.ts';
import { startIndex } from './start-index.ts';
import { startLineage } from './start-lineage.ts';
import { startReconciler } from './start-reconciler.ts';
import { startSigning } from './start-signing.ts';
import { startWatch } from './watching.ts';

export interface ServiceOptions {
  readonly telemetry: ServiceTelemetry;
  readonly version: string;
  /** Issuers beside the configured ones: the development issuer's. */
  readonly issuers?: readonly IssuerConfig[];
  readonly clock?: Clock;
  readonly limits?: ServiceLimits;
  /** Runs when policy and catalog are open and before anybody can call. */
  readonly prepare?: (parts: {
    readonly stores: Stores;
    readonly files: PolicyFiles;
    readonly policy: ReturnType<typeof createPolicy>;
  }) => Promise<void>;
}

export interface Service {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly stores: Stores;
  readonly mender: Mender;
  readonly reconciler: Reconciler;
  readonly auditor: EvidencePort;
  /** Finishes requests in flight for up to `graceMs`, then stops everything it started. */
  close(graceMs?: number): Promise<void>;
}

const GRACE_MS = 15_000;

/** Builds the house and opens its door. Rejects, with everything closed again, where a part cannot be started. */
export async function startService(config: Config, options: ServiceOptions): Promise<Service> {
  const closers = createClosers();
  try {
    return await build(config, options, closers);
  } catch (error) {
    await closers.closeAll().catch(() => undefined);
    throw error;
  }
}

async function build(config: Config, options: ServiceOptions, closers: ReturnType<typeof createClosers>): Promise<Service> {
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

  const { dense } = config.embedding;
  const embedding = createEmbedding({ dense: dense.kind === 'remote' ? { ...dense, limits: limits.embedding ?? {} } : dense, telemetry });
  closers.add(() => embedding.close());
  const indexParts = { config, catalog, identity: embedding.identity, telemetry, clock, closers };
  const vectors = await startIndex({ ...indexParts, ...(limits.index === undefined ? {} : { limits: limits.index }) });
  const identity = await startIdentity(config, options, { stores, clock, closers });
  const watch = await startWatch({ stores, watching: files.watching, policy, telemetry, clock, closers });

  const quarantine = quarantineOf(catalog, identity.issuers, clock, files.hygiene);
  const { resolve } = quarantine;
  const mender = createMender({
    writes: catalog,
    vectors,
    telemetry,
    resolveQuarantined: resolve,
    sweepSessions: catalog.sweepSessions,
    scrub: () => catalog.scrubErased(),
  });
  closers.add(() => mender.close());
  const reconciler = startReconciler({ config, stores, vectors, embedding, telemetry, closers, limits: limits.reconciler });
  const tools = policyTools({ stores, policy, scheme, telemetry, issuers: identity.issuers });
  closers.add(() => tools.shadow.close());
  const parts = {
    config,
    lineage,
    signing,
    tools,
    stores,
    policy,
    identity,
    vectors,
    embedding,
    mender,
    reconciler,
    quarantine,
    watch,
    telemetry,
    clock,
  };
  const stages = stageService({ stores, policy: files.output, watch, telemetry, clock, windowMs: limits.reportWindowMs });
  const mend = (): void => mender.kick();
  const overEvidence = evidenceServices({
    stores,
    policy,
    scheme,
    evidence: files.evidence,
    reads: auditor,
    issuers: identity.issuers,
    telemetry,
    mend,
  });
  const services = servicesOf({ ...parts, stages, overEvidence, probeMs: limits.probeMs });
  const door = createHttpDoor({ services, config: doorConfig(config, version, scheme, limits.http), telemetry, clock });
  const { url } = await door.listen();
  return {
    url,
    stores,
    mender,
    reconciler,
    auditor,
    async close(graceMs = GRACE_MS) {
      // The door first: what is in flight still needs everything behind it.
      try {
        await door.close(graceMs);
      } finally {
        await closers.closeAll();
      }
    },
  };
}

async function startIdentity(
  config: Config,
  { issuers = [], telemetry, limits = {} }: ServiceOptions,
  { stores, clock, closers }: { readonly stores: Stores; readonly clock: Clock; readonly closers: ReturnType<typeof createClosers> },
): Promise<Identity> {
  const all = [...config.issuers, ...issuers];
  const identity = createIdentity({ issuers: all, clock, telemetry, once: stores.catalog, limits: limits.identity ?? {} });
  closers.add(() => identity.close());
  await identity.start(AbortSignal.timeout(10_000));
  return identity;
}

interface Parts {
  readonly config: Config;
  readonly lineage: BeginRun;
  readonly signing: Signing;
  readonly tools: PolicyTools;
  readonly stores: Stores;
  readonly policy: PolicyPort;
  readonly identity: Identity;
  readonly vectors: StartableVectorIndex;
  readonly embedding: Embedding;
  readonly mender: Mender;
  readonly reconciler: Reconciler;
  readonly quarantine: Quarantine;
  readonly watch: WatchService;
  readonly telemetry: ServiceTelemetry;
  readonly clock: Clock;
  readonly stages: StageService;
  readonly overEvidence: EvidenceServices;
  readonly probeMs: number | undefined;
}

/** What the door calls, over parts that run. */
function servicesOf(parts: Parts): HttpServices {
  const { config, tools, stores, policy, identity, vectors, embedding, mender, quarantine, watch, telemetry, clock } = parts;
  const probes = probesOf(parts);
  const { catalog, audit } = stores;
  const { reports, policyRevisions, policyShadow, shadow } = tools;
  const { languages } = config.embedding;
  const shared = { catalog, policy, vectors, embedding, telemetry, clock };
  const retrieval: RetrievalParts = {
    ...shared,
    audit,
    shadow,
    languages,
    watch,
    random: randomBytes,
    provenance: createProvenance({ random: randomBytes }),
    signManifest: manifestSigner(parts.signing, randomBytes),
  };
  const issuers = identity.issuers.map(({ name }) => name);
  const groupless = identity.issuers.filter(({ groups }) => groups === 'none').map(({ name }) => name);
  const mend = (): void => mender.kick();
  const directory = { catalog, policy, issuers: identity.issuers, newId: randomUUID, mend };
  return {
    identity,
    endLogin: createEndLogin({ identity, catalog }),
    ingestion: createIngestion(
      {
        ...shared,
        collection: config.collection,
        writes: catalog,
        issuers,
        groupless,
        ...quarantine.rules,
        language: languages[0],
        newMarker: () => randomBytes(16).toString('hex'),
        mend,
      },
      parts.lineage,
    ),
    retrieve: (caller, request, signal) => inRetrievalSpan(telemetry, caller, request, () => retrieve(retrieval, caller, request, signal)),
    count: (caller, request, signal) => countChunks({ ...shared, audit, watch }, caller, request, signal),
    checkSession: (caller, name, sink) => checkSession(catalog, caller, name, sink),
    trace: ({ caller, requestId }, traced) => traceRequest({ catalog, policy, audit }, caller, { requestId, traced }),
    reports,
    policyRevisions,
    groups: createGroups(directory),
    provisioning: createProvisioning(directory),
    policyShadow,
    reconciliations: createReconciliations({ catalog, policy, reconciler: parts.reconciler, newId: randomUUID }),
    accessRequests: createAccessRequests({ catalog, policy, issuers }),
    switches: createSwitches({ catalog, policy, audit, issuers, operators: config.operators }),
    watching: createWatching({ catalog, policy, audit, board: watch }),
    stages: parts.stages,
    ...parts.overEvidence,
    nearMiss: (caller) => watch.nearMiss(caller),
    keys: () => parts.signing.keys(),
    readiness: () => readiness(probes, parts.probeMs),
  };
}

function probesOf({ config, stores: { catalog }, vectors, embedding, identity }: Parts): Parameters<typeof readiness>[0] {
  const { dense } = config.embedding;
  return {
    index: (signal) => vectors.probe(signal),
    catalog: () => catalog.tenants(),
    embedding: dense.kind === 'remote' ? (signal) => embedding.probe(signal) : undefined,
    issuersMissing: () => identity.notReady(),
  };
}

function doorConfig(config: Config, version: string, labels: HttpDoorConfig['labels'], own: ServiceLimits['http'] = {}): HttpDoorConfig {
  const { host, port, publicUrl, metrics, limits, mode, trustedProxies } = config;
  return {
    host,
    port,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
    labels,
    limits: { ...DEFAULT_HTTP_LIMITS, documentBytes: limits.bodyBytes, ...own },
    rates: { ...DEFAULT_RATE_LIMITS, clientPerMinute: limits.clientPerMinute, userPerMinute: limits.userPerMinute },
    metrics: metrics.kind === 'none' ? { kind: 'off' } : metrics.kind === 'port' ? { ...metrics, host } : metrics,
    ...(mode === 'development' ? { allowedHosts: ['127.0.0.1', 'localhost', '[::1]'] } : {}),
    version,
  };
}
