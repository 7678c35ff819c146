import { AppError } from '../../core/errors.ts';
import { seesHosted } from '../../core/hosted-visibility.ts';
import { parseCollectionName } from '../../core/ids.ts';
import type { Trust } from '../../core/label.ts';
import type { HostedCollection } from '../../core/ports/collections.ts';
import { usualPurpose } from '../../core/purpose.ts';
import type { Source } from '../../core/zone.ts';
import type { Authority } from '../authority.ts';
import { writerTrustFor } from '../write-rights.ts';
import type { PointsWriterParts } from './parts.ts';

/** Where the points of a caller go: into the one source that the collection names for the calling application. */
export interface WriteTarget {
  readonly authority: Authority;
  readonly collection: HostedCollection;
  readonly source: Source;
  readonly writer: Trust;
}

/**
 * Fails with `forbidden` where the caller may see the collection and not write there, with `not_found` where they may not see it, and
 * with `unsupported_request` for Sluice's own, whose texts come in as documents.
 */
export function writeTarget(parts: PointsWriterParts, authority: Authority, name: string): WriteTarget {
  const collection = hostedCollection(parts, authority, name);
  const source = ownSource(authority, collection);
  if (source === undefined) throw new AppError(sees(parts, authority, collection) ? 'forbidden' : 'not_found');
  return { authority, collection, source, writer: writerTrustFor(parts.policy, authority, source) };
}

/** The live collection of this name, whoever may see it. Fails like `writeTarget`. */
export function hostedCollection(parts: PointsWriterParts, { view }: Authority, name: string): HostedCollection {
  const parsed = parseCollectionName(name);
  const collection = parsed === undefined ? undefined : view.collections.get(parsed);
  if (collection !== undefined) return collection;
  if (name !== parts.collection) throw new AppError('not_found');
  const message = "this collection is Sluice's own: write documents through the HTTP API, and read them here";
  throw new AppError('unsupported_request', { issues: [{ pointer: '', message }] });
}

/** The source that the caller writes into there; undefined where none is named for them, or they may not ingest in it. */
export function ownSource(authority: Authority, { writers }: HostedCollection): Source | undefined {
  const id = writers.byClient.get(authority.caller.client) ?? (writers.source.kind === 'source' ? writers.source.source : undefined);
  const source = id === undefined ? undefined : authority.view.sources.get(id);
  return source?.state === 'live' && authority.may('ingest', source) ? source : undefined;
}

/** Whether the collection is there for the caller. */
export function sees({ policy }: PointsWriterParts, authority: Authority, collection: HostedCollection): boolean {
  return seesHosted(policy, authority, usualPurpose(policy), collection);
}
