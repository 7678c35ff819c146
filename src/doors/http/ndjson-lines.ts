import { AppError } from '../../core/errors.ts';

const NEWLINE = 10;

/** A line of at most the given bytes, without its newline; `number` counts from 1, blank lines included. */
export type Line =
  { readonly kind: 'line'; readonly number: number; readonly bytes: Buffer } | { readonly kind: 'too-long'; readonly number: number };

interface Splitter {
  push(part: Buffer): readonly Line[];
  end(): readonly Line[];
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 13 || byte === 9);
}

function createSplitter(maxBytes: number): Splitter {
  let parts: Buffer[] = [];
  let size = 0;
  let number = 0;
  const take = (): readonly Line[] => {
    number += 1;
    const bytes = size <= maxBytes ? Buffer.concat(parts, size) : undefined;
    parts = [];
    size = 0;
    if (bytes === undefined) return [{ kind: 'too-long', number }];
    return isBlank(bytes) ? [] : [{ kind: 'line', number, bytes }];
  };
  const keep = (part: Buffer): void => {
    size += part.length;
    // Past the bound only the length is kept, so a line without end costs no memory.
    if (size <= maxBytes) parts.push(part);
    else parts = [];
  };
  return {
    push(part) {
      const lines: Line[] = [];
      let start = 0;
      for (let end = part.indexOf(NEWLINE); end !== -1; end = part.indexOf(NEWLINE, start)) {
        keep(part.subarray(start, end));
        lines.push(...take());
        start = end + 1;
      }
      if (start < part.length) keep(part.subarray(start));
      return lines;
    },
    end: () => (size > 0 ? take() : []),
  };
}

export interface ReadLimits {
  readonly maxBytes: number;
  readonly idleMs: number;
  /** Aborted when the service begins to stop. */
  readonly stop: AbortSignal;
}

async function next(source: AsyncIterator<Buffer>, { idleMs, stop }: ReadLimits): Promise<IteratorResult<Buffer>> {
  let giveUp = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  const interrupted = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(new AppError('shutting_down'));
    timer = setTimeout(() => reject(new AppError('request_timeout')), idleMs);
  });
  stop.addEventListener('abort', giveUp, { once: true });
  if (stop.aborted) giveUp();
  try {
    return await Promise.race([source.next(), interrupted]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', giveUp);
  }
}

/**
 * Lines as they arrive; nothing is read ahead of the consumer beyond what one read brought. The last line may lack its
 * newline. Fails with `request_timeout` after `idleMs` without a byte, `shutting_down` when the service stops.
 */
export async function* splitLines(source: AsyncIterator<Buffer>, limits: ReadLimits): AsyncGenerator<Line, void> {
  const splitter = createSplitter(limits.maxBytes);
  try {
    for (let read = await next(source, limits); read.done !== true; read = await next(source, limits)) {
      yield* splitter.push(read.value);
    }
    yield* splitter.end();
  } finally {
    // Not awaited: behind a read that is still waiting it would wait as long.
    void source.return?.();
  }
}
