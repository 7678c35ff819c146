import { AppError, type ErrorCode } from '../core/errors.ts';
import { lineageEvent, type IngestionFacts, type LineageNames, type RunState } from '../core/lineage-event.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { LineageSink } from '../core/ports/lineage.ts';

export type WriteOutcome = 'written' | 'unchanged' | 'deleted';

/** What one request writes into one source. */
export interface IngestionRun {
  /** As the first document to be written says, before it is written. */
  by(writer: { readonly connector: string | undefined; readonly run: string | undefined }): void;
  wrote(outcome: WriteOutcome): void;
  /** A document that could not be written. */
  failed(error: unknown): void;
  /** Once. `broken`: the request ended before all of it was taken. */
  end(how: 'whole' | 'broken'): void;
}

export interface LineageParts extends LineageNames {
  readonly sink: LineageSink;
  readonly clock: Clock;
}

/** Nothing is told of what is refused for these: whoever has no rights in a source must not make it appear there, or exist. */
const BEFORE_RIGHTS: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'malformed_json',
  'payload_too_large',
  'not_found',
  'forbidden',
  'invalid_token',
  'policy_unavailable',
  'catalog_unavailable',
  'groups_incomplete',
  'shutting_down',
]);

const SILENT: IngestionRun = { by() {}, wrote() {}, failed() {}, end() {} };

export type BeginRun = (about: Pick<IngestionFacts, 'tenant' | 'source' | 'requestId'>) => IngestionRun;

/** Runs of ingestion as lineage events, where there is somewhere to send them. */
export function createLineage(parts: LineageParts | undefined): BeginRun {
  if (parts === undefined) return () => SILENT;
  return (about) => beginRun(parts, about);
}

function beginRun({ sink, clock, ...names }: LineageParts, about: Parameters<BeginRun>[0]): IngestionRun {
  const begunAt = clock.now();
  const counts = { written: 0, unchanged: 0, deleted: 0, failed: 0 };
  const errors: Record<string, number> = {};
  let writer: { readonly connector: string; readonly run: string | undefined } | undefined;
  let begun = false;
  const emit = (state: RunState, at: number): void =>
    sink.emit(
      lineageEvent(
        state,
        { ...about, connector: writer?.connector ?? 'api', run: writer?.run, at },
        { ...counts, errors: { ...errors } },
        names,
      ),
    );
  // Once one document got past the rights of the writer, so that the source exists and they may write there.
  const begin = (): void => {
    if (!begun) emit('START', begunAt);
    begun = true;
  };
  return {
    by({ connector = 'api', run }) {
      writer ??= { connector, run };
    },
    wrote(outcome) {
      begin();
      counts[outcome] += 1;
    },
    failed(error) {
      const code = error instanceof AppError ? error.code : 'internal';
      counts.failed += 1;
      errors[code] = (errors[code] ?? 0) + 1;
      if (!BEFORE_RIGHTS.has(code)) begin();
    },
    end(how) {
      if (!begun) return;
      const nothing = counts.written + counts.unchanged + counts.deleted === 0;
      emit(how === 'broken' || nothing ? 'FAIL' : 'COMPLETE', clock.now());
    },
  };
}
