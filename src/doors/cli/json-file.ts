import { readFile, stat } from 'node:fs/promises';
import { CommandFailure } from './failure.ts';

/** Well above the largest answer (100 chunks, rendered) and the largest proof (100,000 events). */
const MAX_BYTES = 256 * 1024 * 1024;

/** What a file holds as JSON. Fails with exit code 2: `unreadable`, or `unusable` where it is not JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  let text: string;
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new Error('it is too large');
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    throw new CommandFailure(`${path} cannot be read: ${reason}`, { exitCode: 2, code: 'unreadable', cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(`${path} is not JSON`, { exitCode: 2, code: 'unusable', cause: error });
  }
}
