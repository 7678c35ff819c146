import { mapNames, storedName } from '../../core/audit-names.ts';
import type { JsonObject } from '../../core/json.ts';
import { canonicalJson } from '../leaf.ts';
import { subjectId, type Subject } from './key.ts';

/** Canonical JSON with gaps: where a pseudonym stands, or what is known only when the event gets its place. */
export interface BodyTemplate {
  /** One more than `gaps`. */
  readonly pieces: readonly string[];
  readonly gaps: readonly Gap[];
  /** Each of whom the body names, once. */
  readonly subjects: readonly Subject[];
}

type Gap = { readonly kind: 'pseudonym'; readonly id: string } | { readonly kind: 'session' | 'sealed' };

export interface Fillings {
  pseudonym(id: string): string;
  /** Canonical JSON. */
  readonly session: string | undefined;
  readonly sealed: string | undefined;
}

export interface Gaps {
  readonly session: boolean;
  readonly sealed: boolean;
}

/**
 * Bodies are made canonical once, outside of every lock; filling the gaps then costs next to nothing and can be repeated. `mark` must be
 * unpredictable, so that no text in a body can look like a gap.
 */
export function templateMaker(mark: string): (body: JsonObject, wanted: Gaps) => BodyTemplate {
  const pattern = new RegExp(`"${mark}(\\d+|session|sealed)"`);
  return (body, wanted) => {
    const subjects = new Map<string, Subject>();
    const order: string[] = [];
    const named = mapNames(body, (kind, name) => {
      const id = subjectId({ kind, name });
      if (!subjects.has(id)) subjects.set(id, { kind, name });
      return storedName(kind, `${mark}${order.push(id) - 1}`);
    });
    const gapped = {
      ...named,
      ...(wanted.session ? { session: `${mark}session` } : {}),
      ...(wanted.sealed ? { sealed: `${mark}sealed` } : {}),
    };
    // With one group in the pattern, every second part is a gap.
    const parts = canonicalJson(gapped).split(pattern);
    const pieces = parts.filter((_, index) => index % 2 === 0);
    const gaps = parts.filter((_, index) => index % 2 === 1).map((name) => gapOf(name, order));
    return { pieces, gaps, subjects: [...subjects.values()] };
  };
}

function gapOf(name: string, order: readonly string[]): Gap {
  if (name === 'session' || name === 'sealed') return { kind: name };
  const id = order[Number(name)];
  if (id === undefined) throw new Error('a gap that was not made');
  return { kind: 'pseudonym', id };
}

/** The body as it is stored: canonical JSON. */
export function fill({ pieces, gaps }: BodyTemplate, fillings: Fillings): string {
  let text = pieces[0] ?? '';
  for (const [index, gap] of gaps.entries()) text += filling(gap, fillings) + (pieces[index + 1] ?? '');
  return text;
}

function filling(gap: Gap, { pseudonym, session, sealed }: Fillings): string {
  switch (gap.kind) {
    case 'pseudonym':
      return `"${pseudonym(gap.id)}"`;
    case 'session':
      if (session === undefined) throw new Error('an event without its session');
      return session;
    case 'sealed':
      if (sealed === undefined) throw new Error('an event without its sealed part');
      return `"${sealed}"`;
  }
}
