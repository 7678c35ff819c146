import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** A pid alone may have gone to somebody else; with its start it names one process. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: clock ticks since boot, and the boot. Elsewhere: the start as `ps` writes it. */
  readonly started: string;
  /** What it runs. */
  readonly executable: string;
}

function fromProc(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may itself hold spaces and parentheses; field 3 comes after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    // A zombie runs nothing and holds nothing; nobody may be there to reap it.
    if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // After an update the file of a running program reads "… (deleted)".
    const executable = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
    return { pid, started: `${boot}/${ticks}`, executable };
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): ProcessIdentity | undefined {
  try {
    const field = (name: string) => execFileSync('ps', ['-o', `${name}=`, '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 }).trim();
    if (field('stat').startsWith('Z')) return undefined;
    return { pid, started: field('lstart'), executable: field('comm') };
  } catch {
    return undefined;
  }
}

/** The process that has this pid now, or undefined where there is none (or it is another user's, whom we could not signal). */
export function identifyProcess(pid: number, platform: NodeJS.Platform = process.platform): ProcessIdentity | undefined {
  if (!Number.isSafeInteger(pid) || pid < 2) return undefined;
  return platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

export function isSameProcess(known: ProcessIdentity, platform: NodeJS.Platform = process.platform): boolean {
  const now = identifyProcess(known.pid, platform);
  return now !== undefined && now.started === known.started && now.executable === known.executable;
}
