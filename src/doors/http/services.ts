import type { EndLogin } from '../../administration/logout.ts';
import type { Groups } from '../../administration/directory/groups.ts';
import type { Provisioning } from '../../administration/directory/provisioning.ts';
import type { PolicyRevisions } from '../../administration/policy-revisions.ts';
import type { PolicyShadow } from '../../administration/policy-shadow.ts';
import type { Reports } from '../../administration/reports.ts';
import type { AccessRequestService } from '../../administration/access-requests.ts';
import type { SwitchService } from '../../administration/switches.ts';
import type { ApplicationKeys } from '../../administration/application-keys.ts';
import type { WatchingService } from '../../administration/watching.ts';
import type { Collections } from '../../ingestion/collections.ts';
import type { AdoptPoints } from '../../ingestion/points/adopt.ts';
import type { CheckAccess } from '../../ingestion/points/check-access.ts';
import type { Caller } from '../../core/caller.ts';
import type { StoredAuditEvent } from '../../core/ports/audit.ts';
import type { PublishedKey } from '../../core/ports/signing.ts';
import type { SessionName, Sink } from '../../core/session.ts';
import type { IdentityPort } from '../../core/ports/identity.ts';
import type { IngestionService, RequestContext } from '../../ingestion/types.ts';
import type { AuditDesk } from '../../evidence/audit-desk.ts';
import type { Erasures } from '../../evidence/erasures.ts';
import type { LegalHolds } from '../../evidence/legal-holds.ts';
import type { Replays } from '../../evidence/replays.ts';
import type { StageService } from '../../evidence/stage-service.ts';
import type { SinkAnswer } from '../../retrieval/check-session.ts';
import type { CountAnswer, CountRequest } from '../../retrieval/count.ts';
import type { OpenAnswer, OpenRequest } from '../../retrieval/open-document.ts';
import type { Reconciliations } from '../../ingestion/reconciliations.ts';
import type { RetrieveAnswer, RetrieveRequest } from '../../retrieval/types.ts';

export interface PartReadiness {
  readonly part: string;
  readonly ready: boolean;
  /** Shown to anyone who can reach the port: names no host, no user, no secret. */
  readonly reason?: string;
}

/** What the door calls. It decides nothing itself. */
export interface HttpServices {
  readonly identity: IdentityPort;
  readonly endLogin: EndLogin;
  retrieve(caller: Caller, request: RetrieveRequest, signal: AbortSignal): Promise<RetrieveAnswer>;
  openDocument(caller: Caller, request: OpenRequest, signal: AbortSignal): Promise<OpenAnswer>;
  count(caller: Caller, request: CountRequest, signal: AbortSignal): Promise<CountAnswer>;
  /** Whether a sink may receive what a session of this caller has seen. */
  checkSession(caller: Caller, session: SessionName, sink: Sink): Promise<SinkAnswer>;
  readonly ingestion: IngestionService;
  readonly collections: Collections;
  readonly adoptPoints: AdoptPoints;
  readonly checkAccess: CheckAccess;
  /** Fails with `not_found` where the caller may not audit the request, or there is none. */
  trace(context: RequestContext, requestId: string): Promise<readonly StoredAuditEvent[]>;
  readonly stages: StageService;
  readonly replays: Replays;
  readonly erasures: Erasures;
  readonly legalHolds: LegalHolds;
  readonly auditDesk: AuditDesk;
  readonly policyRevisions: PolicyRevisions;
  readonly groups: Groups;
  readonly provisioning: Provisioning;
  readonly switches: SwitchService;
  readonly accessRequests: AccessRequestService;
  readonly policyShadow: PolicyShadow;
  readonly reports: Reports;
  readonly reconciliations: Reconciliations;
  readonly watching: WatchingService;
  readonly applicationKeys: ApplicationKeys;
  /** Somebody named what is hidden from them or missing. Never waits, never fails. */
  nearMiss(caller: Caller): void;
  /** Public parts, the key in force first. */
  keys(): readonly PublishedKey[];
  readiness(): Promise<readonly PartReadiness[]>;
}
