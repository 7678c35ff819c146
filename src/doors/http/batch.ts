/** What one unit of a batch says about itself. */
export interface Item<T> {
  /** Items of the same key run one after the other, in order, so that the last one of a document is what stays. */
  readonly key: string | undefined;
  /** Never rejects. */
  run(): Promise<T>;
}

interface Slots {
  acquire(): Promise<void>;
  release(): void;
}

function createSlots(size: number): Slots {
  let free = size;
  const waiting: (() => void)[] = [];
  return {
    acquire() {
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    release() {
      const first = waiting.shift();
      if (first === undefined) free += 1;
      else first();
    },
  };
}

/**
 * Runs items with at most `width` unwritten at a time and writes their results in the order of the items, each as soon as
 * it and those before it are done. A slot is held until its result is written, so a slow reader slows the source.
 * After the first failure of `write` or of the source no further item starts; it resolves when those running have ended.
 */
export async function runInOrder<T>(
  items: AsyncIterable<Item<T>>,
  width: number,
  write: (result: T) => Promise<void>,
): Promise<{ readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: unknown }> {
  const slots = createSlots(width);
  const busy = new Map<string, Promise<unknown>>();
  const failure: { error?: unknown; failed: boolean } = { failed: false };
  const fail = (error: unknown): void => {
    if (!failure.failed) Object.assign(failure, { failed: true, error });
  };
  let written: Promise<void> = Promise.resolve();
  const start = ({ key, run }: Item<T>): Promise<T> => {
    if (key === undefined) return run();
    const before = busy.get(key);
    const running = before === undefined ? run() : before.then(run);
    busy.set(key, running);
    return running.finally(() => {
      if (busy.get(key) === running) busy.delete(key);
    });
  };
  const writeNext = async (before: Promise<void>, running: Promise<T>): Promise<void> => {
    await before;
    const result = await running;
    try {
      if (!failure.failed) await write(result);
    } catch (error) {
      fail(error);
    } finally {
      slots.release();
    }
  };
  try {
    for await (const item of items) {
      await slots.acquire();
      if (failure.failed) break;
      written = writeNext(written, start(item));
    }
  } catch (error) {
    // What was read before the source broke is still answered.
    await written;
    fail(error);
  }
  await written;
  return failure.failed ? { kind: 'failed', error: failure.error } : { kind: 'done' };
}
