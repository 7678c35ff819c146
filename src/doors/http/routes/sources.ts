import type { HttpDoorConfig } from '../config.ts';
import { sourceParam } from '../input.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { sourceAnswerSchema, sourcesAnswerSchema } from '../schemas/answers.ts';
import { sourcePatchSchema, sourceSchema, toSourceBody, toSourcePatch } from '../schemas/sources.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/sources/{source}';

function readRoutes({ ingestion }: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/sources',
      operationId: 'listSources',
      summary: 'The sources that the caller holds a right on.',
      scopes: ['sources', 'ingest'],
      answers: [{ status: 200, description: 'The sources.', schema: sourcesAnswerSchema }],
      handle: async ({ context }) => ({ status: 200, body: { sources: await ingestion.listSources(context) } }),
    }),
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'getSource',
      summary: 'One source.',
      scopes: ['sources', 'ingest'],
      answers: [{ status: 200, description: 'The source.', schema: sourceAnswerSchema }],
      handle: async ({ context, param }) => ({ status: 200, body: await ingestion.getSource(context, sourceParam(param('source'))) }),
    }),
  ];
}

export function sourceRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  const { ingestion } = services;
  const bytes = config.limits.requestBytes;
  return [
    ...readRoutes(services),
    callRoute({
      method: 'put',
      path: PATH,
      operationId: 'putSource',
      summary: 'Make a source, or replace its title, owner, label and ceiling.',
      scopes: ['sources'],
      body: { schema: sourceSchema, bytes },
      answers: [
        { status: 200, description: 'It existed; this is how it is now.', schema: sourceAnswerSchema },
        { status: 201, description: 'It was made.', schema: sourceAnswerSchema },
      ],
      async handle({ context, body, param }) {
        const { created, resource } = await ingestion.putSource(context, sourceParam(param('source')), toSourceBody(body));
        return { status: created ? 201 : 200, body: resource };
      },
    }),
    callRoute({
      method: 'patch',
      path: PATH,
      operationId: 'patchSource',
      summary: 'Change what is named; a new label takes effect with the next query.',
      scopes: ['sources'],
      body: { schema: sourcePatchSchema, bytes },
      answers: [{ status: 200, description: 'The source as it is now.', schema: sourceAnswerSchema }],
      handle: async ({ context, body, param }) => ({
        status: 200,
        body: await ingestion.patchSource(context, sourceParam(param('source')), toSourcePatch(body)),
      }),
    }),
    callRoute({
      method: 'delete',
      path: PATH,
      operationId: 'deleteSource',
      summary: 'Delete a source and its documents.',
      scopes: ['sources'],
      answers: [{ status: 204, description: 'Nobody reads it any more.' }],
      async handle({ context, param }) {
        await ingestion.deleteSource(context, sourceParam(param('source')));
        return { status: 204 };
      },
    }),
  ];
}
