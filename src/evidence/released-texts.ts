import type { Digest } from '../core/digest.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Opened, SealedReads } from '../core/ports/audit.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { OwnRelease } from './released.ts';

export interface TextReads {
  readonly sealed: SealedReads;
  readonly catalog: Pick<ReadCatalog, 'candidates'>;
}

/** What left of a chunk, and of which version of its document. `gone`: it was erased, or nothing holds it any more. */
export type ReleasedText = { readonly kind: 'text'; readonly text: string; readonly version: Digest } | { readonly kind: 'gone' };

/**
 * The texts of a release in the order of its chunks, as they left: from the sealed record. Only for a release from before anything was
 * sealed the catalog is asked, where a chunk's id never stands for another text.
 */
export async function releasedTexts({ sealed, catalog }: TextReads, released: OwnRelease): Promise<readonly ReleasedText[]> {
  const { tenant, index } = released.release;
  const opened = await sealed.sealed(tenant, index);
  if (opened !== undefined) return released.chunks.map((_, place) => textOf(opened.texts[place]));
  const { candidates } = await catalog.candidates(
    tenant,
    released.chunks.map(({ chunk }) => chunk),
  );
  return released.chunks.map(({ chunk }) => inCatalog(candidates.get(chunk)));
}

const GONE: ReleasedText = { kind: 'gone' };

function inCatalog(candidate: Candidate | undefined): ReleasedText {
  return candidate === undefined ? GONE : { kind: 'text', text: candidate.text, version: candidate.version };
}

function textOf(opened: Opened | undefined): ReleasedText {
  if (opened?.kind !== 'open') return GONE;
  const { text, payload, tag } = opened.content;
  const version = typeof tag === 'string' ? versionIn(JSON.parse(`{${tag}}`) as JsonObject) : undefined;
  const left = typeof payload === 'string' ? stringsOf(JSON.parse(payload) as Json).join('\n') : text;
  return typeof left === 'string' && version !== undefined ? { kind: 'text', text: left, version } : GONE;
}

/** Whatever of a payload a model could be shown in words. */
function stringsOf(value: Json): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

function versionIn({ document }: JsonObject): Digest | undefined {
  const version: Json | undefined = typeof document === 'object' && document !== null ? (document as JsonObject)['version'] : undefined;
  return typeof version === 'string' && version.startsWith('sha256:') ? (version as Digest) : undefined;
}
