import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { identifyProcess } from '../../src/vectors/local/process-identity.ts';
import { clientOf, type Client, type LaunchOptions } from './service.ts';

const SCRIPT = fileURLToPath(new URL('service-process.ts', import.meta.url));

export interface ChildService extends Pick<Client, 'call'> {
  readonly url: string;
  /** SIGKILL; resolves when the process is gone. Again: nothing. */
  kill(): Promise<void>;
}

/** The whole service in a process of its own. `launch` must be plain data. Rejects with what the process said where it ends early. */
export async function startChildService(launch: Omit<LaunchOptions, 'options'>): Promise<ChildService> {
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(launch)], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const failed = ended.then(() => {
    throw new Error(`the service did not start: ${said}`);
  });
  const [url] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), failed])) as [string];
  failed.catch(() => undefined);
  const client = clientOf(url);
  return {
    url,
    call: client.call,
    async kill() {
      child.kill('SIGKILL');
      await ended;
      await client.close();
    },
  };
}

/** Of the local Qdrant that serves this data directory, or was killed with its service; undefined where none is recorded. */
export function qdrantPid(dataDir: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(join(dataDir, 'qdrant', 'process.json'), 'utf8')) as { pid: number }).pid;
  } catch {
    return undefined;
  }
}

export function isRunning(pid: number): boolean {
  return identifyProcess(pid) !== undefined;
}
