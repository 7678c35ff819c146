import { AppError } from '../../../core/errors.ts';
import type { TenantId } from '../../../core/ids.ts';
import { parseTilePath } from '../../../core/tlog/tiles.ts';
import type { AuditDesk } from '../../../evidence/audit-desk.ts';
import type { ExportFormat } from '../../../evidence/export.ts';
import { callRoute, downloadRoute, type CallRoute, type DownloadRoute } from '../route.ts';
import {
  checkpointQuerySchema,
  checkpointSchema,
  checkpointsAnswerSchema,
  checkpointsQuerySchema,
  completeAnswerSchema,
  completeQuerySchema,
  consistencyAnswerSchema,
  consistencyQuerySchema,
  eventsAnswerSchema,
  eventsQuerySchema,
  exportQuerySchema,
  inclusionAnswerSchema,
  inclusionQuerySchema,
  summaryAnswerSchema,
  summaryQuerySchema,
} from '../schemas/audit.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../../entrance/send.ts';

const NOTE_TYPE = 'text/plain; charset=utf-8';
const CSV_TYPE = 'text/csv; charset=utf-8';
const EXPORTS: Readonly<Record<ExportFormat, { readonly type: string; readonly filename: string }>> = {
  sluice: { type: NDJSON_TYPE, filename: 'audit.sluice.jsonl' },
  ocsf: { type: NDJSON_TYPE, filename: 'audit.ocsf.jsonl' },
  csv: { type: CSV_TYPE, filename: 'audit.csv' },
};
/** At once on one replica: they share a thread with everybody's questions. A tenant that reads slowly must not hold all of them. */
const MAX_EXPORTS = 4;
const MAX_OF_TENANT = 2;

/** What auditors ask, and the proofs that the answers can be checked by. */
export function auditRoutes(auditDesk: AuditDesk): readonly (CallRoute | DownloadRoute)[] {
  return [
    ...questionRoutes(auditDesk),
    exportRoute(auditDesk),
    ...checkpointRoutes(auditDesk),
    ...treeProofRoutes(auditDesk),
    completeRoute(auditDesk),
    tileRoute(auditDesk),
  ];
}

function questionRoutes({ questions, filters }: AuditDesk): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/audit/events',
      operationId: 'listAuditEvents',
      summary: 'Who was shown a document, what somebody’s prompts were shown, what a source reached, what changed an ACL.',
      scopes: ['audit'],
      query: eventsQuerySchema,
      answers: [{ status: 200, description: 'A page of events.', schema: eventsAnswerSchema }],
      async handle({ context, query: { cursor, limit, ...texts } }) {
        const { events, next } = await questions.events(context, filters(texts), { limit, ...(cursor === undefined ? {} : { cursor }) });
        const shown = events.map(({ index, at, kind, requestId, leaf, body }) => ({ index, at, kind, requestId, leaf, body }));
        return { status: 200, body: { events: shown, ...(next === undefined ? {} : { next }) } };
      },
    }),
    callRoute({
      method: 'get',
      path: '/v1/audit/summary',
      operationId: 'summariseAudit',
      summary: 'What was released, counted by label and by source: what a given application received.',
      scopes: ['audit'],
      query: summaryQuerySchema,
      answers: [{ status: 200, description: 'Counts over a page of releases.', schema: summaryAnswerSchema }],
      handle: async ({ context, query: { cursor, ...texts } }) => ({
        status: 200,
        body: await questions.summary(context, filters(texts), cursor === undefined ? {} : { cursor }),
      }),
    }),
  ];
}

function exportRoute({ exportAudit, filters }: AuditDesk): DownloadRoute {
  const running: TenantId[] = [];
  const leave = (tenant: TenantId): void => void running.splice(running.indexOf(tenant), 1);
  // Counted from the first part on: what nobody reads never ends.
  async function* counted(tenant: TenantId, parts: AsyncIterable<string>): AsyncGenerator<string, void> {
    running.push(tenant);
    try {
      yield* parts;
    } finally {
      leave(tenant);
    }
  }
  return downloadRoute({
    method: 'get',
    path: '/v1/audit/export',
    operationId: 'exportAudit',
    summary: 'The log as lines that can be verified, or events as OCSF or CSV.',
    scopes: ['audit'],
    query: exportQuerySchema,
    answers: [
      { status: 200, description: 'Lines of JSON. One without its end was cut off.', mediaType: NDJSON_TYPE },
      { status: 200, description: 'With `format=csv`: RFC 4180, a line of names first.', mediaType: CSV_TYPE },
    ],
    async handle({ context, query: { format, ...texts } }) {
      const { tenant } = context.caller;
      const own = running.filter((one) => one === tenant).length;
      if (running.length >= MAX_EXPORTS || own >= MAX_OF_TENANT) throw new AppError('rate_limited', { retryAfter: 10 });
      running.push(tenant);
      try {
        const parts = await exportAudit(context, { format, filters: filters(texts) });
        return { ...EXPORTS[format], parts: counted(tenant, parts) };
      } finally {
        leave(tenant);
      }
    },
  });
}

function checkpointRoutes({ proofs }: AuditDesk): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/audit/checkpoint',
      operationId: 'getAuditCheckpoint',
      summary: 'The newest signed checkpoint of the log, as a note, or as JSON where Accept says so.',
      scopes: ['audit'],
      query: checkpointQuerySchema,
      answers: [
        { status: 200, description: 'A signed note.', mediaType: NOTE_TYPE },
        { status: 200, description: 'Where `Accept` names JSON: the note and what it says.', schema: checkpointSchema },
      ],
      async handle({ context, query: { fresh }, header }) {
        const checkpoint = await proofs.checkpoint(context, fresh === 'true');
        // A note is what other tools read; `*/*` says nothing.
        if ((header('accept') ?? '').toLowerCase().includes(JSON_TYPE)) return { status: 200, body: checkpoint };
        return { status: 200, raw: checkpoint.note, type: NOTE_TYPE };
      },
    }),
    callRoute({
      method: 'get',
      path: '/v1/audit/checkpoints',
      operationId: 'listAuditCheckpoints',
      summary: 'Checkpoints of the log, oldest first.',
      scopes: ['audit'],
      query: checkpointsQuerySchema,
      answers: [{ status: 200, description: 'A page; go on after the last size.', schema: checkpointsAnswerSchema }],
      handle: async ({ context, query: { after, limit } }) => ({
        status: 200,
        body: { checkpoints: await proofs.checkpoints(context, after, limit) },
      }),
    }),
  ];
}

function treeProofRoutes({ proofs }: AuditDesk): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/audit/proof/inclusion',
      operationId: 'proveInclusion',
      summary: 'That an event is in the log of a checkpoint.',
      scopes: ['audit'],
      query: inclusionQuerySchema,
      answers: [{ status: 200, description: 'The proof and its checkpoint.', schema: inclusionAnswerSchema }],
      handle: async ({ context, query: { index, size } }) => ({ status: 200, body: await proofs.inclusion(context, index, size) }),
    }),
    callRoute({
      method: 'get',
      path: '/v1/audit/proof/consistency',
      operationId: 'proveConsistency',
      summary: 'That the log of a later checkpoint continues that of an earlier one.',
      scopes: ['audit'],
      query: consistencyQuerySchema,
      answers: [{ status: 200, description: 'The proof.', schema: consistencyAnswerSchema }],
      handle: async ({ context, query: { from, to } }) => ({ status: 200, body: await proofs.consistency(context, from, to) }),
    }),
  ];
}

function completeRoute({ proofs, filters }: AuditDesk): CallRoute {
  return callRoute({
    method: 'get',
    path: '/v1/audit/proof/complete',
    operationId: 'proveComplete',
    summary: 'That these are all events of one document, source, person or application, or that there is none.',
    scopes: ['audit'],
    query: completeQuerySchema,
    answers: [{ status: 200, description: 'A proof for each name that events have for it.', schema: completeAnswerSchema }],
    handle: async ({ context, query: { what, ...texts } }) => ({
      status: 200,
      body: await proofs.complete(context, filters(texts), what),
    }),
  });
}

function tileRoute({ proofs }: AuditDesk): CallRoute {
  return callRoute({
    method: 'get',
    path: '/v1/audit/tile/{tile*}',
    operationId: 'getAuditTile',
    summary: 'A tile of the log’s tree, under its path of tlog-tiles.',
    scopes: ['audit'],
    answers: [{ status: 200, description: '32 bytes a hash.', mediaType: 'application/octet-stream' }],
    async handle({ context, param }) {
      const tile = parseTilePath(`tile/${param('tile')}`);
      if (tile === undefined) throw new AppError('not_found');
      return { status: 200, raw: await proofs.tile(context, tile), type: 'application/octet-stream' };
    },
  });
}
