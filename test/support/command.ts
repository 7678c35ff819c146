import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createTerminal } from '../../src/doors/cli/terminal.ts';
import { run } from '../../src/main.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** The last line of standard output as JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first line of either output that the pattern matches; rejects where the process ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
}

/** `sluice …` as a process of its own, with these settings and none of the surrounding ones. */
export function startSluice(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [join(ROOT, 'bin/sluice.js'), ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const waiting = new Set<() => void>();
  const look = (): void => waiting.forEach((check) => check());
  child.stdout.setEncoding('utf8').on('data', (text: string) => ((out += text), look()));
  child.stderr.setEncoding('utf8').on('data', (text: string) => ((err += text), look()));
  const whenEnded = new Promise<Ended>((resolve) => void child.once('close', (code) => resolve(ended(code, out, err))));
  return {
    child,
    ended: whenEnded,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = pattern.exec(`${out}\n${err}`);
          if (found === null) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        void whenEnded.then(() => reject(new Error(`it ended first:\n${out}\n${err}`)));
        check();
      }),
  };
}

/** The same in this process, with everything but the launcher; for commands that come to an end by themselves. */
export async function sluice(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const written = { out: '', err: '' };
  const output = (name: keyof typeof written) => ({ write: (text: string) => void (written[name] += text) });
  const code = await run(args, { environment: env, terminal: createTerminal(output('out'), output('err')) });
  return ended(code, written.out, written.err);
}

function ended(code: number | null, out: string, err: string): Ended {
  return { code, out, err, json: <T>() => JSON.parse(out.trim().split('\n').at(-1) ?? '') as T };
}
