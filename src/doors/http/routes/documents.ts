import { z } from 'zod';
import type { PatchReceipt } from '../../../ingestion/types.ts';
import type { HttpDoorConfig } from '../config.ts';
import { documentParam, sourceParam } from '../input.ts';
import { callRoute, type AnswerSpec, type Call, type CallRoute } from '../route.ts';
import { documentAnswerSchema, listingSchema, originalSchema, patchReceiptSchema, receiptSchema } from '../schemas/answers.ts';
import { pageLimitSchema } from '../schemas/common.ts';
import { documentPatchSchema, documentSchema, toDocumentBody, toDocumentPatch } from '../schemas/documents.ts';
import type { Reply } from '../../entrance/send.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/sources/{source}/documents/{document}';
const DEFAULT_PAGE = 100;

const pageSchema = z.strictObject({
  after: z.string().min(1).max(2_048).optional().meta({ description: 'The `next` of the page before.' }),
  limit: pageLimitSchema,
  state: z.literal('quarantined').optional().meta({ description: 'Only those; for owners.' }),
});

function receipts(schema: z.ZodType): readonly AnswerSpec[] {
  return [
    { status: 200, description: 'Stored and searchable; `changed` says whether anything was new.', schema },
    { status: 202, description: 'Stored; the index has not confirmed yet.', schema },
  ];
}

function ids(call: Pick<Call<unknown, unknown>, 'param'>): readonly [string, string] {
  return [sourceParam(call.param('source')), documentParam(call.param('document'))];
}

function receiptReply(receipt: PatchReceipt): Reply {
  return { status: receipt.pending === true ? 202 : 200, body: receipt };
}

function readRoutes({ ingestion }: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/sources/{source}/documents',
      operationId: 'listDocuments',
      summary: 'Ids of the documents of a source, in order, page by page.',
      scopes: ['ingest', 'sources', 'retrieve'],
      query: pageSchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: listingSchema }],
      async handle({ context, query, param }) {
        const limit = query.limit === undefined ? DEFAULT_PAGE : Number(query.limit);
        const { after, state } = query;
        return { status: 200, body: await ingestion.listDocuments(context, sourceParam(param('source')), { after, limit, state }) };
      },
    }),
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'getDocument',
      summary: 'What the caller may know of one document. Its text comes through retrieve only.',
      scopes: ['ingest', 'sources', 'retrieve'],
      answers: [{ status: 200, description: 'The document.', schema: documentAnswerSchema }],
      handle: async (call) => ({ status: 200, body: await ingestion.getDocument(call.context, ...ids(call)) }),
    }),
    callRoute({
      method: 'get',
      path: `${PATH}/original`,
      operationId: 'getOriginal',
      summary: 'What was handed in, with the hidden characters that were taken out of it. For owners; written to the audit log.',
      scopes: ['ingest', 'sources'],
      answers: [{ status: 200, description: 'The document as handed in.', schema: originalSchema }],
      handle: async (call) => ({ status: 200, body: await ingestion.getOriginal(call.context, ...ids(call)) }),
    }),
  ];
}

export function documentRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  const { ingestion } = services;
  const bytes = config.limits.documentBytes;
  return [
    ...readRoutes(services),
    callRoute({
      method: 'put',
      path: PATH,
      operationId: 'putDocument',
      summary: 'Write a document. The same body again changes nothing.',
      scopes: ['ingest', 'sources'],
      body: { schema: documentSchema, bytes },
      answers: receipts(receiptSchema),
      handle: async (call) => receiptReply(await ingestion.putDocument(call.context, ...ids(call), toDocumentBody(call.body))),
    }),
    callRoute({
      method: 'patch',
      path: PATH,
      operationId: 'patchDocument',
      summary: 'Change ACL, label, metadata or validity. Text is never embedded again.',
      scopes: ['ingest', 'sources'],
      body: { schema: documentPatchSchema, bytes },
      answers: receipts(patchReceiptSchema),
      handle: async (call) => receiptReply(await ingestion.patchDocument(call.context, ...ids(call), toDocumentPatch(call.body))),
    }),
    callRoute({
      method: 'delete',
      path: PATH,
      operationId: 'deleteDocument',
      summary: 'Delete a document.',
      scopes: ['ingest', 'sources'],
      answers: [{ status: 204, description: 'Nobody reads it any more.' }],
      async handle(call) {
        await ingestion.deleteDocument(call.context, ...ids(call));
        return { status: 204 };
      },
    }),
  ];
}
