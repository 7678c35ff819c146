import { AppError } from '../../../core/errors.ts';
import { parseSessionName, type SessionName } from '../../../core/session.ts';
import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { checkSessionSchema, sinkAnswerSchema, toSink } from '../schemas/sessions.ts';
import type { HttpServices } from '../services.ts';

function sessionParam(text: string): SessionName {
  const name = parseSessionName(text);
  if (name !== undefined) return name;
  throw new AppError('invalid_request', { issues: [{ pointer: 'path/session', message: 'not a possible name of a session' }] });
}

export function sessionRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'post',
      path: '/v1/sessions/{session}/check',
      operationId: 'checkSession',
      summary: 'Whether a tool or outlet of a given label may receive what a session of the caller has seen.',
      scopes: ['retrieve'],
      body: { schema: checkSessionSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'Allowed, or everything that stands against it.', schema: sinkAnswerSchema }],
      handle: async ({ caller, body, param }) => ({
        status: 200,
        body: await services.checkSession(caller, sessionParam(param('session')), toSink(body, config.labels)),
      }),
    }),
  ];
}
