import { z } from 'zod';
import type { TestService } from './service.ts';

/** Checks of answers against the contract as it is served, not against the code that made them. */
export interface Contract {
  /** The issues of a body as the answer of an operation; an empty list where it fits. Throws where no such answer is described. */
  issues(operationId: string, status: number, body: unknown): readonly string[];
}

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema?: object }> }>;
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

/** Reads `/openapi.json`. */
export async function readContract(test: TestService): Promise<Contract> {
  const { text } = await test.call('GET', '/openapi.json', undefined);
  const { paths, components } = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as Document;
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const parsers = new Map<string, z.ZodType>();
  const parserOf = (operationId: string, status: number): z.ZodType => {
    const name = `${operationId} ${status}`;
    const known = parsers.get(name);
    if (known !== undefined) return known;
    const operation = operations.find((one) => one.operationId === operationId);
    const content = Object.values(operation?.responses[String(status)]?.content ?? {}).find(({ schema }) => schema !== undefined);
    if (content?.schema === undefined) throw new Error(`the contract does not describe ${name}`);
    const made = z.fromJSONSchema({ ...content.schema, $defs: components.schemas } as Parameters<typeof z.fromJSONSchema>[0]);
    parsers.set(name, made);
    return made;
  };
  return {
    issues(operationId, status, body) {
      const result = parserOf(operationId, status).safeParse(body);
      return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('/')}: ${message}`);
    },
  };
}
