import { answerBody } from '../../../retrieval/answer-body.ts';
import { openBody } from '../../../retrieval/open-document.ts';
import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { countAnswerSchema, openAnswerSchema, retrieveAnswerSchema } from '../schemas/answers.ts';
import { restrictionOf } from '../../entrance/schemas/reading.ts';
import { countSchema, openSchema, retrieveSchema, toRetrieveRequest } from '../schemas/retrieve.ts';
import type { HttpServices } from '../services.ts';

export function retrieveRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'post',
      path: '/v1/retrieve',
      operationId: 'retrieve',
      summary: 'The chunks nearest to a query that this person, through this application, may read now.',
      scopes: ['retrieve'],
      body: { schema: retrieveSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'Released chunks; none is an answer too.', schema: retrieveAnswerSchema }],
      async handle({ caller, context, traceId, body }) {
        const request = toRetrieveRequest(body, config.labels, { requestId: context.requestId, traceId });
        const answer = await services.retrieve(caller, request, context.signal);
        // Replay puts together exactly this.
        return { status: 200, body: { ...answerBody(answer), session: answer.session } };
      },
    }),
    callRoute({
      method: 'post',
      path: '/v1/open',
      operationId: 'open',
      summary: 'A document in the order of its text, as this person, through this application, may read it now.',
      scopes: ['retrieve'],
      body: { schema: openSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'A page of its chunks.', schema: openAnswerSchema }],
      async handle({ caller, context, traceId, body }) {
        const { context: wanted, purpose, session, ...page } = body;
        const request = { ...page, purpose, session, requestId: context.requestId, traceId, context: wanted?.format };
        const answer = await services.openDocument(caller, request, context.signal);
        // Replay puts together exactly this.
        return { status: 200, body: { ...openBody(answer), session: answer.session } };
      },
    }),
    callRoute({
      method: 'post',
      path: '/v1/count',
      operationId: 'count',
      summary: 'How many chunks this person, through this application, may read now.',
      scopes: ['retrieve'],
      body: { schema: countSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'Their number.', schema: countAnswerSchema }],
      async handle({ caller, context, traceId, body }) {
        const restriction = restrictionOf(body, config.labels);
        const request = { requestId: context.requestId, traceId, restriction, purpose: body.purpose };
        const { requestId, chunks } = await services.count(caller, request, context.signal);
        return { status: 200, body: { requestId, chunks } };
      },
    }),
  ];
}
