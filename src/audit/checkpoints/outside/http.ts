import { readNote, type NoteContent } from '../make-note.ts';
import { originId } from '../origins.ts';
import { NotTheSameTree, type IsSigned, type Place } from './place.ts';

const MOST_BYTES = 262_144;

/**
 * An object store that takes PUT and GET: `<url>/<id>/<size>` is written once (`If-None-Match: *`), `<url>/<id>/latest` each time. The
 * store may keep what it has for good, so that not even we can take it back.
 */
export function httpPlace(url: string, token: string | undefined, name: string, isSigned: IsSigned): Place {
  const base = url.replace(/\/+$/, '');
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const read = async (path: string, signal: AbortSignal): Promise<(NoteContent & { readonly note: string }) | undefined> => {
    const answer = await fetch(path, { headers, signal, redirect: 'error' });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    const note = await boundedText(answer);
    const found = answer.ok ? readNote(note) : undefined;
    if (found === undefined) throw new Error(`${name} answered ${answer.status} and no checkpoint`);
    return { ...found, note };
  };
  const write = async (path: string, note: string, more: Record<string, string>, signal: AbortSignal): Promise<number> => {
    const type = { 'content-type': 'text/plain; charset=utf-8' };
    const answer = await fetch(path, { method: 'PUT', headers: { ...headers, ...type, ...more }, body: note, signal, redirect: 'error' });
    await answer.body?.cancel();
    return answer.status;
  };
  return {
    name,
    async last(origin, signal) {
      const found = await read(`${base}/${originId(origin)}/latest`, signal);
      if (found === undefined) return { kind: 'none' };
      // Whoever sits between us and the store, or writes there, does not stop the service.
      return (await isSigned(found.note, origin)) ? { kind: 'held', ...found } : { kind: 'none', strange: 1 };
    },
    async give({ checkpoint: { origin, size, root, note }, signal }) {
      const path = `${base}/${originId(origin)}/${size}`;
      const status = await write(path, note, { 'if-none-match': '*' }, signal);
      // Given already, perhaps by one whose answer was lost: what counts is that it is the same tree.
      if (status === 412 || status === 409) {
        if ((await read(path, signal))?.root !== root) throw new NotTheSameTree(name, size);
      } else if (status < 200 || status > 299) {
        throw new Error(`${name} answered ${status}`);
      }
      const latest = await write(`${base}/${originId(origin)}/latest`, note, {}, signal);
      if (latest < 200 || latest > 299) throw new Error(`${name} answered ${latest}`);
      return {};
    },
    ids: () => Promise.resolve([]),
  };
}

/** Rejects where the answer is longer than any checkpoint. */
export async function boundedText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > MOST_BYTES) throw new Error('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
