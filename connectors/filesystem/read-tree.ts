import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import picomatch from 'picomatch';
import { digestOf, type Digest } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { LabelScheme } from '../../src/core/label.ts';
import { ACL_FILE, inherit, NOTHING_INHERITED, parseAclFile, type AclFile, type Inherited } from './acl-file.ts';

export const FILESYSTEM_CONNECTOR = 'filesystem@1';

export interface TreeOptions {
  readonly scheme: LabelScheme;
  /** Glob patterns over paths relative to the root, with `/`. Everything where absent. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Base of the documents' `uri`, such as `https://wiki.example/`; none where absent. */
  readonly uriBase?: string;
}

/** A document as `PUT` takes it, named by its path relative to the root. `etag` changes whenever anything in it does. */
export interface TreeDocument {
  readonly kind: 'document';
  readonly document: string;
  readonly etag: Digest;
  readonly body: JsonObject;
}

/** A file that was left out, and why. It must not stay readable as it was, so a sync deletes what it had indexed of it. */
export interface TreeProblem {
  readonly kind: 'problem';
  readonly document: string;
  readonly message: string;
}

export type TreeEntry = TreeDocument | TreeProblem;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.md': 'text/markdown',
  '.markdown': 'text/markdown',
  '.txt': 'text/plain',
  '.html': 'text/html',
  '.htm': 'text/html',
};
const MAX_BYTES = 10_000_000;

interface Walk {
  readonly root: string;
  readonly options: TreeOptions;
  readonly wanted: (relative: string) => boolean;
}

/**
 * Reads a directory tree in a fixed order. Rejects where the root is no directory or an `_acl.yaml` cannot be read: then
 * nobody knows who may read what below it, and a sync stops before it removes anything.
 */
export async function* readTree(directory: string, options: TreeOptions): AsyncGenerator<TreeEntry> {
  const root = await realpath(directory);
  if (!(await stat(root)).isDirectory()) throw new Error(`${directory} is not a directory`);
  const included = picomatch([...(options.include ?? ['**'])], { dot: false });
  const excluded = picomatch([...(options.exclude ?? [])], { dot: true });
  yield* readDirectory({ root, options, wanted: (relative) => included(relative) && !excluded(relative) }, '', NOTHING_INHERITED);
}

async function* readDirectory(walk: Walk, relative: string, above: Inherited): AsyncGenerator<TreeEntry> {
  const absolute = path.join(walk.root, relative);
  const entries = (await readdir(absolute, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const rules = await readRules(walk, relative, entries);
  const here = rules === undefined ? above : inherit(walk.options.scheme, path.posix.join(relative, ACL_FILE), above, rules);
  for (const entry of entries) {
    const name = path.posix.join(relative, entry.name);
    if (entry.name === ACL_FILE) continue;
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('.')) yield* readDirectory(walk, name, here);
      continue;
    }
    const own = rules?.files?.[entry.name];
    const holds =
      own === undefined ? here : inherit(walk.options.scheme, `${path.posix.join(relative, ACL_FILE)} (${entry.name})`, here, own);
    const read = await readEntry(walk, name, entry, holds);
    if (read !== undefined) yield read;
  }
  // A misspelt name would leave the file it was meant for under the grant of its directory, which is wider.
  const names = new Set(entries.map(({ name }) => name));
  for (const name of Object.keys(rules?.files ?? {}).filter((name) => !names.has(name))) {
    yield { kind: 'problem', document: path.posix.join(relative, name), message: `${ACL_FILE} names it under files, and it is not there` };
  }
}

/** About how many documents a tree holds, for a progress bar: it looks at names alone and knows nothing of patterns. */
export async function countFiles(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile() && MEDIA_TYPES[path.extname(entry.name).toLowerCase()] !== undefined).length;
}

/** Names that somebody meant as `_acl.yaml`. Passed over, they would leave a tree under the wider grant above it. */
const MISSPELT = /^[_.]acl\.ya?ml$/i;

async function readRules(walk: Walk, relative: string, entries: readonly Dirent[]): Promise<AclFile | undefined> {
  const misspelt = entries.find(({ name }) => name !== ACL_FILE && MISSPELT.test(name));
  if (misspelt !== undefined) throw new Error(`${path.posix.join(relative, misspelt.name)} is not read; it must be named ${ACL_FILE}`);
  const entry = entries.find(({ name }) => name === ACL_FILE);
  if (entry === undefined) return undefined;
  const name = path.posix.join(relative, ACL_FILE);
  // A link could be pointed elsewhere by somebody who may not write here.
  if (!entry.isFile()) throw new Error(`${name} is not a plain file`);
  return parseAclFile(name, (await readPlain(path.join(walk.root, name))).toString('utf8'));
}

async function readEntry(walk: Walk, name: string, entry: Dirent, holds: Inherited): Promise<TreeEntry | undefined> {
  const mediaType = MEDIA_TYPES[path.extname(entry.name).toLowerCase()];
  if (mediaType === undefined || !walk.wanted(name)) return undefined;
  const problem = (message: string): TreeProblem => ({ kind: 'problem', document: name, message });
  if (holds.gates.kind === 'none') return problem(`no ${ACL_FILE} at or above it grants anybody anything`);
  const absolute = path.join(walk.root, name);
  const bytes = await readInside(walk, absolute).catch((error: unknown) => (error instanceof Error ? error.message : 'cannot be read'));
  if (typeof bytes === 'string') return problem(bytes);
  return treeDocument(walk, name, mediaType, bytes, holds, holds.gates.gates);
}

/** Follows a link only to a plain file inside the root that would be read by the same rules in its own place. */
async function readInside(walk: Walk, absolute: string): Promise<Buffer> {
  if (!(await lstat(absolute)).isSymbolicLink()) return readPlain(absolute);
  const target = await realpath(absolute).catch(() => undefined);
  if (target === undefined) throw new Error('is a link to nothing');
  if (!target.startsWith(walk.root + path.sep)) throw new Error('is a link out of the root');
  const [from, to] = [absolute, target].map((place) => path.relative(walk.root, place).split(path.sep).join(path.posix.sep));
  if (from === undefined || to === undefined || !(await isUnderRulesOf(walk, from, to))) {
    throw new Error(`is a link to a file that is left out, or that another ${ACL_FILE} speaks of`);
  }
  return readPlain(target);
}

/**
 * Whoever may put a link in one directory may not be one who may read the other, and the nearest grant wins: so no directory that
 * only one of the two lies below may have rules, and none may name the target.
 */
async function isUnderRulesOf(walk: Walk, link: string, target: string): Promise<boolean> {
  if (!walk.wanted(target)) return false;
  const [from, to] = [directoriesAbove(link), directoriesAbove(target)];
  if (to.some((directory) => path.posix.basename(directory).startsWith('.'))) return false;
  for (const directory of new Set(from).symmetricDifference(new Set(to))) {
    if ((await rulesIn(walk, directory)) !== undefined) return false;
  }
  const rules = await rulesIn(walk, to.at(-1) ?? '');
  return rules?.files?.[path.posix.basename(target)] === undefined;
}

/** From the root, which is '', down to its own. */
function directoriesAbove(name: string): readonly string[] {
  return name.split('/').map((_part, depth, parts) => parts.slice(0, depth).join('/'));
}

async function rulesIn(walk: Walk, relative: string): Promise<AclFile | undefined> {
  return readRules(walk, relative, await readdir(path.join(walk.root, relative), { withFileTypes: true }));
}

/**
 * The plain file that has this name without any link in it. Checked on what was opened, since a directory of the way there can be
 * exchanged for a link between the look and the opening.
 */
async function readPlain(absolute: string): Promise<Buffer> {
  const file = await open(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const opened = await file.stat();
    if (!opened.isFile()) throw new Error('is not a plain file');
    const there = await lstat(absolute);
    if ((await realpath(absolute)) !== absolute || there.ino !== opened.ino || there.dev !== opened.dev) throw new Error('is below a link');
    if (opened.size > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function treeDocument(
  walk: Walk,
  name: string,
  mediaType: string,
  bytes: Buffer,
  holds: Inherited,
  gates: readonly (readonly string[])[],
): TreeDocument {
  const { uriBase } = walk.options;
  const { deny, label, metadata, validFrom, validUntil } = holds;
  const body = {
    mediaType,
    contentBase64: bytes.toString('base64'),
    acl: { gates, deny },
    ...label,
    metadata: { ...metadata, path: name },
    ...(validFrom === undefined ? {} : { validFrom }),
    ...(validUntil === undefined ? {} : { validUntil }),
    ...(uriBase === undefined ? {} : { uri: new URL(name.split('/').map(encodeURIComponent).join('/'), uriBase).href }),
    connector: FILESYSTEM_CONNECTOR,
  } satisfies JsonObject;
  return { kind: 'document', document: name, etag: digestOf(JSON.stringify(body)), body };
}
