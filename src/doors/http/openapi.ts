import { z } from 'zod';
import { SCOPES } from '../../core/caller.ts';
import { errorTable } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { AnswerSpec, Route } from './route.ts';
import { problemSchema } from './schemas/answers.ts';
import { JSON_TYPE, PROBLEM_TYPE } from '../entrance/send.ts';

const PROBLEM_STATUSES: Readonly<Record<Route['kind'], readonly number[]>> = {
  public: [503],
  call: [400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 429, 500, 503],
  stream: [400, 401, 403, 404, 415, 429, 500, 503],
  download: [400, 401, 403, 404, 422, 429, 500, 503],
};

/** What stands in a path; a `request` may also be one for access. */
const IN_PATH: Readonly<Record<string, string>> = {
  source: 'The id of a source.',
  document: 'The id of a document in its source, percent-encoded.',
  collection: 'The name of a collection of the Qdrant-compatible door.',
  request: 'The id of a request, as its answer named it.',
  session: 'The name of a session of the caller.',
  group: 'The id of a group, percent-encoded.',
  id: 'The id, as the list names it, percent-encoded.',
  revision: 'A revision of the policy.',
  // OpenAPI has no word for a parameter of several segments.
  tile: 'The rest of the path of tlog-tiles, with its slashes as they are: level, index, and `.p/<width>` of a partial one.',
  asset: 'The name of a file.',
};

/** Turns zod schemas into references, each defined once under `components`. */
interface Components {
  reference(schema: z.ZodType, io: 'input' | 'output'): JsonObject;
  all(): JsonObject;
}

function createComponents(): Components {
  const defined: Record<string, Json> = {};
  return {
    reference(schema, io) {
      const json = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as unknown as Record<string, Json>;
      const { $schema: _dialect, $defs = {}, ...own } = json;
      // zod keeps what has an id under $defs of each document; OpenAPI keeps it under components.
      const moved = JSON.parse(JSON.stringify({ $defs, own }).replaceAll('#/$defs/', '#/components/schemas/')) as {
        $defs: Record<string, Json>;
        own: Record<string, Json>;
      };
      Object.assign(defined, moved.$defs);
      const id = schema.meta()?.id;
      if (id === undefined) return moved.own;
      const { id: _id, ...definition } = moved.own;
      defined[id] ??= definition;
      return { $ref: `#/components/schemas/${id}` };
    },
    all: () => defined,
  };
}

function content(mediaType: string, schema: JsonObject | undefined): JsonObject {
  return { [mediaType]: schema === undefined ? {} : { schema } };
}

/** One status; where it comes in several media types, each has an answer of its own. */
function answer(components: Components, specs: readonly AnswerSpec[]): JsonObject {
  const contents = specs.flatMap(({ schema, mediaType }) =>
    schema === undefined && mediaType === undefined
      ? []
      : [content(mediaType ?? JSON_TYPE, schema === undefined ? undefined : components.reference(schema, 'output'))],
  );
  const description = specs.map((spec) => spec.description).join(' ');
  return contents.length === 0 ? { description } : { description, content: Object.assign({}, ...contents) as JsonObject };
}

function problemAnswer(components: Components, status: number): JsonObject {
  const codes = errorTable()
    .filter((entry) => entry.status === status)
    .map((entry) => entry.code);
  const headers: JsonObject = {
    ...(status === 401 || status === 403 ? { 'WWW-Authenticate': { schema: { type: 'string' } } } : {}),
    ...(status === 429 ? { 'Retry-After': { schema: { type: 'integer' } } } : {}),
  };
  return { description: codes.join(', '), headers, content: content(PROBLEM_TYPE, components.reference(problemSchema, 'output')) };
}

function parameters(route: Route): readonly Json[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\*?\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: IN_PATH[name] ?? name,
    schema: { type: 'string' },
  }));
  if (route.kind === 'public' || route.query === undefined) return inPath;
  const query = z.toJSONSchema(route.query, { io: 'input' }) as { properties?: Record<string, Json>; required?: string[] };
  const inQuery = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: query.required?.includes(name) ?? false,
    schema,
  }));
  return [...inPath, ...inQuery];
}

function requestBody(components: Components, route: Route): JsonObject {
  if (route.kind === 'call' && route.body !== undefined) {
    return { requestBody: { required: true, content: content(JSON_TYPE, components.reference(route.body.schema, 'input')) } };
  }
  if (route.kind === 'stream') {
    const anyOf = route.lines.map((line) => components.reference(line, 'input'));
    return { requestBody: { required: true, description: 'One JSON object a line.', content: content(route.mediaType, { anyOf }) } };
  }
  return {};
}

function operation(components: Components, route: Route): JsonObject {
  const responses: Record<string, Json> = {};
  for (const status of PROBLEM_STATUSES[route.kind]) responses[status] = problemAnswer(components, status);
  for (const { status } of route.answers) {
    responses[status] = answer(
      components,
      route.answers.filter((spec) => spec.status === status),
    );
  }
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.kind === 'public' ? { security: [] } : { description: `Scope: ${route.scopes.join(' or ')}.`, security: [{ bearer: [] }] }),
    parameters: parameters(route),
    ...requestBody(components, route),
    responses,
  };
}

/** OpenAPI 3.1 of exactly these routes, out of the schemas that they parse with. */
export function openApiDocument(routes: readonly Route[], version: string): JsonObject {
  const components = createComponents();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = (paths[route.path.replaceAll('*}', '}')] ??= {});
    path[route.method] = operation(components, route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description: 'What may this person, through this application, read now?',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: components.all(),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: `An RFC 9068 access token; one that is bound to a key is sent as DPoP with its proof (RFC 9449). Scopes: ${SCOPES.join(' ')}.`,
        },
      },
    },
  };
}
