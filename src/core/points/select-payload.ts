import { isLosslessObject, parseLossless, writeLossless } from './lossless.ts';
import { parsePath, type PathStep } from './payload-path.ts';
import type { Selection } from './question.ts';
import type { LosslessJson, LosslessObject, RawJson } from './raw-json.ts';

type Steps = readonly PathStep[];

function pathOf(key: string): Steps {
  const path = parsePath(key);
  // Selections are parsed before they come here; what names nothing selects nothing.
  return path ?? [{ kind: 'index', index: 0 }];
}

/** What is left of the paths that take this step. A step by index takes no element: Qdrant's selections know `[]` only. */
function after(paths: readonly Steps[], step: string | undefined): readonly Steps[] {
  return paths.flatMap((path) => {
    const [first, ...rest] = path;
    const taken = step === undefined ? first?.kind === 'all' : first?.kind === 'key' && first.key === step;
    return taken ? [rest] : [];
  });
}

const ended = (path: Steps): boolean => path.length === 0;

/** A value stays where one of its ancestors, itself or one of its descendants is named; scalars on the way to nowhere stay too. */
function keep(value: LosslessJson, paths: readonly Steps[]): LosslessJson {
  if (paths.some(ended)) return value;
  if (Array.isArray(value)) {
    const below = after(paths, undefined);
    return below.length === 0 ? [] : (value as readonly LosslessJson[]).map((item) => keep(item, below));
  }
  return isLosslessObject(value) ? keepMembers(value, paths) : value;
}

function keepMembers(record: LosslessObject, paths: readonly Steps[]): LosslessObject {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, item]) => {
      const below = after(paths, key);
      return below.length === 0 ? [] : [[key, keep(item, below)] as const];
    }),
  );
}

function drop(value: LosslessJson, paths: readonly Steps[]): LosslessJson {
  if (paths.length === 0) return value;
  if (Array.isArray(value)) {
    const below = after(paths, undefined);
    return below.some(ended) ? [] : (value as readonly LosslessJson[]).map((item) => drop(item, below));
  }
  return isLosslessObject(value) ? dropMembers(value, paths) : value;
}

function dropMembers(record: LosslessObject, paths: readonly Steps[]): LosslessObject {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, item]) => {
      const below = after(paths, key);
      return below.some(ended) ? [] : [[key, drop(item, below)] as const];
    }),
  );
}

/** What of a payload a selection leaves, as Qdrant does. Undefined where it leaves no payload at all. */
export function selectPayload(payload: RawJson, selection: Selection['payload']): RawJson | undefined {
  switch (selection.kind) {
    case 'none':
      return undefined;
    case 'all':
      return payload;
    case 'include':
    case 'exclude':
      return writeLossless(selectMembers(parseLossless(payload) as LosslessObject, selection));
  }
}

// A payload that is parsed already.
function selectMembers(
  payload: LosslessObject,
  selection: Extract<Selection['payload'], { readonly kind: 'include' | 'exclude' }>,
): LosslessObject {
  const paths = selection.keys.map(pathOf);
  return selection.kind === 'include' ? keepMembers(payload, paths) : dropMembers(payload, paths);
}
