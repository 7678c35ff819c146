import { describe, expect, it } from 'vitest';
import { walSync, type FileSync } from './wal-sync.ts';

/** A disk that syncs when it is told to. */
function heldFile() {
  const begun: PromiseWithResolvers<void>[] = [];
  let closed = false;
  const file: FileSync = {
    sync() {
      const gate = Promise.withResolvers<void>();
      begun.push(gate);
      return gate.promise;
    },
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
  return { file, begun, isClosed: () => closed };
}

const turns = async (): Promise<void> => {
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
};

describe('walSync', () => {
  it('covers whoever came before a sync began with that one, and all who came meanwhile with one more', async () => {
    const { file, begun } = heldFile();
    const sync = walSync(file);
    const done: string[] = [];
    const ask = (name: string): Promise<unknown> => sync.synced().then(() => done.push(name));
    const asked = [ask('a'), ask('b')];
    await turns();
    asked.push(ask('c'), ask('d'));
    await turns();
    expect([begun.length, done]).toEqual([1, []]);
    begun[0]?.resolve();
    await turns();
    expect([begun.length, done]).toEqual([2, ['a', 'b']]);
    begun[1]?.resolve();
    await Promise.all(asked);
    expect([begun.length, done]).toEqual([2, ['a', 'b', 'c', 'd']]);
    expect(() => sync.demandSound()).not.toThrow();
  });

  it('never says that all is well after one that failed', async () => {
    const { file, begun } = heldFile();
    const sync = walSync(file);
    const first = sync.synced();
    await turns();
    const waiting = sync.synced();
    begun[0]?.reject(new Error('EIO'));
    for (const asked of [first, waiting, sync.synced()]) await expect(asked).rejects.toThrow('until a restart');
    expect(() => sync.demandSound()).toThrow('until a restart');
    expect(begun.length).toBe(1);
  });

  it('closes its file after the syncs under way', async () => {
    const { file, begun, isClosed } = heldFile();
    const sync = walSync(file);
    const first = sync.synced();
    await turns();
    const closing = sync.close();
    await turns();
    expect(isClosed()).toBe(false);
    begun[0]?.resolve();
    await Promise.all([first, closing]);
    expect(isClosed()).toBe(true);
  });
});
