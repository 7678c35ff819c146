import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { admittedSchema, citedSchema, outputReportSchema, outputSchema, stageAnswerSchema, toPrompt } from '../schemas/stages.ts';
import type { HttpServices } from '../services.ts';
import { requestIdOf } from './requests.ts';

const REPORTED = [{ status: 200, description: 'It is in the log.', schema: stageAnswerSchema }] as const;

/** What an application reports of a request that it made. */
export function stageRoutes({ stages }: HttpServices, { limits }: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'post',
      path: '/v1/requests/{request}/admitted',
      operationId: 'reportAdmitted',
      summary: 'Which of the released chunks went into a prompt, in its order. For whoever asked, through the same application.',
      scopes: ['retrieve'],
      body: { schema: admittedSchema, bytes: limits.requestBytes },
      answers: REPORTED,
      async handle({ caller, body, param }) {
        const report = { stage: 'admitted', requestId: requestIdOf(param), chunks: body.chunks, prompt: toPrompt(body) } as const;
        return { status: 200, body: await stages.report(caller, report) };
      },
    }),
    callRoute({
      method: 'post',
      path: '/v1/requests/{request}/cited',
      operationId: 'reportCited',
      summary: 'Which of the released chunks an answer cites. For whoever asked, through the same application.',
      scopes: ['retrieve'],
      body: { schema: citedSchema, bytes: limits.requestBytes },
      answers: REPORTED,
      async handle({ caller, body, param }) {
        const report = { stage: 'cited', requestId: requestIdOf(param), chunks: body.chunks, prompt: { kind: 'none' } } as const;
        return { status: 200, body: await stages.report(caller, report) };
      },
    }),
    callRoute({
      method: 'post',
      path: '/v1/requests/{request}/output',
      operationId: 'checkOutput',
      summary: 'What a model wrote, compared with what the request released: citations, quotations, and whether it may go on.',
      scopes: ['retrieve'],
      body: { schema: outputSchema, bytes: limits.requestBytes },
      answers: [{ status: 200, description: 'The decision and what was found, by places.', schema: outputReportSchema }],
      handle: async ({ caller, body, param }) => ({
        status: 200,
        body: await stages.checkOutput(caller, requestIdOf(param), body.output),
      }),
    }),
  ];
}
