import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A text as it may stand in a file: itself, as JSON, as SQLite and Qdrant keep it. */
export function spellings(text: string): readonly string[] {
  return [...new Set([text, JSON.stringify(text).slice(1, -1), Buffer.from(text, 'utf8').toString('base64').replace(/=+$/, '')])];
}

/** The SHA-256 of bytes in every way one could be written down. */
export function digestSpellings(bytes: string | Uint8Array): readonly (string | Buffer)[] {
  const digest = createHash('sha256').update(bytes).digest();
  return [digest.toString('hex'), digest.toString('base64').replace(/=+$/, ''), digest.toString('base64url'), digest];
}

/** Which of these stand in which file below a directory: each as `<file>: <which>`. */
export function tracesIn(directory: string, wanted: Readonly<Record<string, readonly (string | Buffer)[]>>): readonly string[] {
  const files = globSync('**/*', { cwd: directory }).filter((path) => statSync(join(directory, path)).isFile());
  return files.flatMap((path) => {
    const bytes = readFileSync(join(directory, path));
    return Object.entries(wanted).flatMap(([name, all]) => (all.some((one) => bytes.includes(one)) ? [`${path}: ${name}`] : []));
  });
}
