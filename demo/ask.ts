import { z } from 'zod';
import { expectShape } from '../src/doors/cli/api-client.ts';
import type { Application, Stage } from './stage.ts';

const label = z.object({ level: z.string(), compartments: z.array(z.string()), trust: z.string() });
const answerSchema = z.object({
  requestId: z.string(),
  chunks: z.array(
    z.object({
      id: z.string(),
      text: z.string(),
      provenance: z.object({ source: z.object({ id: z.string() }), document: z.object({ id: z.string() }), label }),
    }),
  ),
  label: label.optional(),
  context: z.object({ text: z.string() }).optional(),
});

export interface Question {
  readonly person: string;
  readonly application?: Application;
  readonly query: string;
  /** Documents whose best chunks are asked for. */
  readonly limit?: number;
  readonly minTrust?: string;
  readonly context?: true;
}

export interface ShownDocument {
  /** `source/document`. */
  readonly name: string;
  /** Such as `confidential+people`. */
  readonly level: string;
  readonly trust: string;
  readonly chunks: readonly string[];
}

export interface Answer {
  readonly requestId: string;
  readonly text: string;
  readonly shown: readonly ShownDocument[];
  readonly joint: { readonly level: string; readonly trust: string } | undefined;
  readonly context: string;
  readonly milliseconds: number;
}

const LIMIT = 5;

/** `POST /v1/retrieve` for one person through one application. */
export async function ask(stage: Stage, question: Question): Promise<Answer> {
  const { person, application, query, limit = LIMIT, minTrust, context } = question;
  const client = await stage.as(person, application);
  const started = performance.now();
  const body = { query, limit, ...(minTrust === undefined ? {} : { minTrust }), ...(context ? { context: { format: 'xml' } } : {}) };
  const answer = expectShape(answerSchema, await client.call('POST', '/v1/retrieve', body));
  const milliseconds = performance.now() - started;
  const shown = new Map<string, ShownDocument>();
  for (const { id, provenance } of answer.chunks) {
    const name = `${provenance.source.id}/${provenance.document.id}`;
    const { level, compartments, trust } = provenance.label;
    const chunks = [...(shown.get(name)?.chunks ?? []), id];
    shown.set(name, { name, level: [level, ...compartments].join('+'), trust, chunks });
  }
  return {
    requestId: answer.requestId,
    text: answer.chunks.map(({ text }) => text).join('\n'),
    shown: [...shown.values()],
    joint: answer.label,
    context: answer.context?.text ?? '',
    milliseconds,
  };
}
