import { AppError } from '../../../core/errors.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { traceSchema } from '../schemas/answers.ts';
import type { HttpServices } from '../services.ts';

const REQUEST_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** We make request ids ourselves, so another form is a request that never was. */
export function requestIdOf(param: (name: 'request') => string): string {
  const requestId = param('request');
  if (!REQUEST_ID.test(requestId)) throw new AppError('not_found');
  return requestId;
}

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
        const requestId = requestIdOf(param);
        const events = await services.trace(context, requestId);
        return {
          status: 200,
          body: { requestId, events: events.map(({ kind, at, index, leaf, body }) => ({ kind, at, index, leaf, body })) },
        };
      },
    }),
  ];
}
