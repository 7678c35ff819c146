import type { Scope } from '../../core/caller.ts';
import type { LosslessJson } from '../../core/points/raw-json.ts';
import type { PointsContext } from '../../retrieval/points/types.ts';
import type { QdrantReply, StartedAt } from './envelope.ts';
import type { QdrantServices } from './services.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One call of a route, by a caller who may use it. */
export interface Call {
  readonly services: QdrantServices;
  readonly context: PointsContext;
  readonly startedAt: StartedAt;
  /** Parts of the path, decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
  /** Null on a route without one. */
  readonly body: LosslessJson;
}

export type Route =
  /** Anyone who reaches the port may ask. */
  | {
      readonly kind: 'public';
      readonly path: string;
      handle(services: QdrantServices, startedAt: StartedAt): QdrantReply | Promise<QdrantReply>;
    }
  | {
      readonly kind: 'call';
      readonly method: Method;
      /** As find-my-way writes it: `/collections/:collection`. */
      readonly path: string;
      readonly scope: Scope;
      readonly body: boolean;
      handle(call: Call): Promise<QdrantReply>;
    }
  /** Qdrant has it and this door does not. `why` tells a caller, in a sentence. */
  | { readonly kind: 'refused'; readonly methods: readonly Method[]; readonly path: string; readonly why: string };

/** A part of the path that the route's pattern names. */
export function paramOf({ params }: Pick<Call, 'params'>, name: 'collection' | 'id' | 'field'): string {
  return params[name] ?? '';
}
