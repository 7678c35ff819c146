import { randomBytes, randomUUID } from 'node:crypto';
import { createApplicationKeys } from '../administration/application-keys.ts';
import { createAccessRequests } from '../administration/access-requests.ts';
import { createGroups } from '../administration/directory/groups.ts';
import { createProvisioning } from '../administration/directory/provisioning.ts';
import { createEndLogin } from '../administration/logout.ts';
import { createSwitches } from '../administration/switches.ts';
import { createWatching } from '../administration/watching.ts';
import type { HttpServices } from '../doors/http/services.ts';
import { traceRequest } from '../evidence/trace.ts';
import { createReconciliations } from '../ingestion/reconciliations.ts';
import { createIngestion } from '../ingestion/service.ts';
import { manifestSigner } from '../provenance/manifest.ts';
import { createProvenance } from '../provenance/provenance.ts';
import { checkSession } from '../retrieval/check-session.ts';
import { countChunks } from '../retrieval/count.ts';
import { openDocument } from '../retrieval/open-document.ts';
import { retrieve, type RetrievalParts } from '../retrieval/retrieve.ts';
import { inRetrievalSpan } from '../retrieval/retrieval-span.ts';
import { collectionServices } from './collections.ts';
import { evidenceServices } from './evidence.ts';
import { ingestingParts } from './ingesting-parts.ts';
import type { RunningParts } from './running-parts.ts';
import { readiness } from './readiness.ts';
import { stageService } from './stages.ts';

type Served<K extends keyof HttpServices> = Pick<HttpServices, K>;

/** What the door calls, over parts that run. */
export function httpServices(parts: RunningParts): HttpServices {
  const { files, stores, policy, identity, watch, signing, telemetry, clock, limits, mender, auditor } = parts;
  const { scheme } = files.vocabulary;
  const { issuers } = identity;
  const mend = (): void => mender.kick();
  const probes = probesOf(parts);
  return {
    identity,
    endLogin: createEndLogin({ identity, catalog: stores.catalog }),
    ingestion: createIngestion(ingestingParts(parts, mend), parts.lineage),
    ...collectionServices(parts),
    ...readingOf(parts),
    ...administrationOf(parts, mend),
    stages: stageService({ stores, policy: files.output, watch, telemetry, clock, windowMs: limits.reportWindowMs }),
    ...evidenceServices({ stores, policy, scheme, evidence: files.evidence, reads: auditor, issuers, telemetry, mend }),
    nearMiss: (caller) => watch.nearMiss(caller),
    keys: () => signing.keys(),
    readiness: () => readiness(probes, limits.probeMs),
  };
}

function readingOf(parts: RunningParts): Served<'retrieve' | 'openDocument' | 'count' | 'checkSession' | 'trace'> {
  const { config, stores, policy, vectors, embedding, watch, signing, tools, telemetry, clock } = parts;
  const { catalog, audit } = stores;
  const shared = { catalog, policy, vectors, embedding, audit, watch, telemetry, clock };
  const retrieval: RetrievalParts = {
    ...shared,
    shadow: tools.shadow,
    languages: config.embedding.languages,
    random: randomBytes,
    provenance: createProvenance({ random: randomBytes }),
    signManifest: manifestSigner(signing, randomBytes),
  };
  return {
    retrieve: (caller, request, signal) => inRetrievalSpan(telemetry, caller, request, () => retrieve(retrieval, caller, request, signal)),
    openDocument: (caller, request, signal) => openDocument({ ...retrieval, catalog }, caller, request, signal),
    count: (caller, request, signal) => countChunks(shared, caller, request, signal),
    checkSession: (caller, name, sink) => checkSession(catalog, caller, name, sink),
    trace: ({ caller, requestId }, traced) => traceRequest({ catalog, policy, audit }, caller, { requestId, traced }),
  };
}

type Administration =
  | 'reports'
  | 'policyRevisions'
  | 'policyShadow'
  | 'groups'
  | 'provisioning'
  | 'reconciliations'
  | 'accessRequests'
  | 'switches'
  | 'applicationKeys'
  | 'watching';

function administrationOf(parts: RunningParts, mend: () => void): Served<Administration> {
  const { config, stores, policy, identity, watch, tools, reconciler } = parts;
  const { catalog, audit } = stores;
  const { reports, policyRevisions, policyShadow } = tools;
  const issuers = identity.issuers.map(({ name }) => name);
  const directory = { catalog, policy, issuers: identity.issuers, newId: randomUUID, mend };
  return {
    reports,
    policyRevisions,
    policyShadow,
    groups: createGroups(directory),
    provisioning: createProvisioning(directory),
    reconciliations: createReconciliations({ catalog, policy, reconciler, newId: randomUUID }),
    accessRequests: createAccessRequests({ catalog, policy, issuers }),
    switches: createSwitches({ catalog, policy, audit, issuers, operators: config.operators }),
    applicationKeys: createApplicationKeys({ catalog, policy, issuers, random: randomBytes }),
    watching: createWatching({ catalog, policy, audit, board: watch }),
  };
}

function probesOf({ config, stores: { catalog }, vectors, embedding, identity }: RunningParts): Parameters<typeof readiness>[0] {
  const { dense } = config.embedding;
  return {
    index: (signal) => vectors.probe(signal),
    catalog: () => catalog.tenants(),
    embedding: dense.kind === 'remote' ? (signal) => embedding.probe(signal) : undefined,
    issuersMissing: () => identity.notReady(),
  };
}
