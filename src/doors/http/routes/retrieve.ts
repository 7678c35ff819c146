import { answerBody } from '../../../retrieval/answer-body.ts';
import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { countAnswerSchema, retrieveAnswerSchema } from '../schemas/answers.ts';
import { restrictionOf } from '../../entrance/schemas/reading.ts';
import { countSchema, retrieveSchema, toRetrieveRequest } from '../schemas/retrieve.ts';
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
