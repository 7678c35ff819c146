import { AppError } from '../../../core/errors.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { traceSchema } from '../schemas/answers.ts';
import type { HttpServices } from '../services.ts';

const REQUEST_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function requestRoutes(services: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/requests/{request}',
      operationId: 'getRequest',
      summary: 'The trace of one request: what was asked, decided and released, without text.',
      scopes: ['audit'],
      answers: [{ status: 200, description: 'Its events in order.', schema: traceSchema }],
      async handle({ context, param }) {
        const requestId = param('request');
        // We make request ids ourselves, so another form is a request that never was.
        if (!REQUEST_ID.test(requestId)) throw new AppError('not_found');
        const events = await services.trace(context, requestId);
        return {
          status: 200,
          body: { requestId, events: events.map(({ kind, at, index, leaf, body }) => ({ kind, at, index, leaf, body })) },
        };
      },
    }),
  ];
}
