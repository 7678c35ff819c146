import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import {
  approveReplaySchema,
  reevaluateSchema,
  reevaluationSchema,
  replayApprovalSchema,
  replayQuery,
  replaySchema,
  replayWishesSchema,
} from '../schemas/replay.ts';
import { pageQuerySchema } from '../schemas/common.ts';
import type { Reply } from '../../entrance/send.ts';
import type { HttpServices } from '../services.ts';
import { requestIdOf } from './requests.ts';

/** Says of a body that it is, or is not, what left then. */
const REPLAY = 'sluice-replay';

export function replayRoutes({ replays }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/requests/{request}/replay',
      operationId: 'replayRequest',
      summary: 'What a request was answered, byte for byte, or a tombstone where something of it was erased.',
      scopes: ['audit'],
      query: replayQuery,
      answers: [{ status: 200, description: 'The body as it left; the header `Sluice-Replay` says so.', schema: replaySchema }],
      async handle({ context, param, query }): Promise<Reply> {
        const found = await replays.replay(context, requestIdOf(param), query.reason);
        const headers = { [REPLAY]: found.kind, 'cache-control': 'no-store' };
        switch (found.kind) {
          case 'exact':
            return { status: 200, raw: found.body, headers };
          case 'erased':
            return { status: 200, body: found.tombstone, headers };
          case 'unrecorded':
            return { status: 200, body: { replay: 'unrecorded', requestId: param('request') }, headers };
        }
      },
    }),
    callRoute({
      method: 'post',
      path: '/v1/requests/{request}/replay-approvals',
      operationId: 'approveReplay',
      summary: 'Allow somebody else to replay this request for an hour.',
      scopes: ['audit'],
      body: { schema: approveReplaySchema, bytes: config.limits.requestBytes },
      answers: [{ status: 201, description: 'They may.', schema: replayApprovalSchema }],
      handle: async ({ context, param, body }) => ({
        status: 201,
        body: await replays.approve(context, requestIdOf(param), body),
      }),
    }),
    ...besides(replays, config),
  ];
}

function besides(replays: HttpServices['replays'], config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/replay-approvals',
      operationId: 'listReplayWishes',
      summary: 'Who wishes to replay what, as far as the caller could allow it.',
      scopes: ['audit'],
      query: pageQuerySchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: replayWishesSchema }],
      handle: async ({ context, query: { after, limit } }) => ({ status: 200, body: await replays.wishes(context, after, limit) }),
    }),
    callRoute({
      method: 'post',
      path: '/v1/requests/{request}/reevaluation',
      operationId: 'reevaluateRequest',
      summary: "Would today's policy have released this? Counterfactual: it shows no text and releases nothing.",
      scopes: ['audit', 'sources'],
      body: { schema: reevaluateSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'Chunk by chunk, with what would refuse it.', schema: reevaluationSchema }],
      handle: async ({ context, param, body }) => ({
        status: 200,
        body: await replays.reevaluate(context, requestIdOf(param), body),
      }),
    }),
  ];
}
