import type { HostedIndex, PointIndex } from '../../core/ports/points.ts';
import type { Attributes } from '../../core/ports/telemetry.ts';

type Step = <T>(name: string, attributes: Attributes, run: () => Promise<T>) => Promise<T>;

/** The same with a span around each call, and each failure of the index counted. */
export function traced(points: PointIndex, hosted: HostedIndex, step: Step): { readonly points: PointIndex; readonly hosted: HostedIndex } {
  return {
    points: {
      search: (scope, searches, signal) =>
        step('points.search', { searches: searches.length }, () => points.search(scope, searches, signal)),
      groups: (scope, search, signal) => step('points.groups', { limit: search.limit }, () => points.groups(scope, search, signal)),
      scroll: (scope, page, signal) => step('points.scroll', { limit: page.limit }, () => points.scroll(scope, page, signal)),
      points: (scope, chunks, vectors, signal) =>
        step('points.points', { chunks: chunks.length }, () => points.points(scope, chunks, vectors, signal)),
      count: (scope, filter, signal) => step('points.count', {}, () => points.count(scope, filter, signal)),
      facet: (scope, facet, signal) => step('points.facet', { limit: facet.limit }, () => points.facet(scope, facet, signal)),
      describe: (place, signal) => step('points.describe', {}, () => points.describe(place, signal)),
    },
    hosted: {
      create: (key, params, signal) => step('points.create', {}, () => hosted.create(key, params, signal)),
      drop: (key, signal) => step('points.drop', {}, () => hosted.drop(key, signal)),
      upsert: (key, some, signal) => step('points.upsert', { points: some.length }, () => hosted.upsert(key, some, signal)),
      absent: (key, chunks, signal) => step('points.absent', { chunks: chunks.length }, () => hosted.absent(key, chunks, signal)),
      createIndex: (key, field, schema, signal) => step('points.index', {}, () => hosted.createIndex(key, field, schema, signal)),
      deleteIndex: (key, field, signal) => step('points.unindex', {}, () => hosted.deleteIndex(key, field, signal)),
      check: (key, signal) => step('points.check', {}, () => hosted.check(key, signal)),
    },
  };
}
