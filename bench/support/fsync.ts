import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Milliseconds of each of 200 appends of a kilobyte with fsync, in this directory. */
export async function fsyncTimes(directory: string): Promise<readonly number[]> {
  const path = join(directory, 'fsync-probe');
  const file = await open(path, 'w');
  const times: number[] = [];
  for (let n = 0; n < 200; n++) {
    const started = performance.now();
    await file.write(Buffer.alloc(1_024, n));
    await file.datasync();
    times.push(performance.now() - started);
  }
  await file.close();
  await unlink(path);
  return times;
}
