import { Pool } from 'undici';
import { losslessJson, type Json } from './lossless.ts';

/** One side of a comparison: a Qdrant, or the door for one caller. */
export interface Side {
  send(method: string, path: string, body?: Json): Promise<WireAnswer>;
  close(): Promise<void>;
}

export interface WireAnswer {
  readonly status: number;
  readonly text: string;
  /** The body without the time it took; null where it is no JSON. */
  readonly json: Json;
}

export function sideOf(url: string, headers: Readonly<Record<string, string>>): Side {
  const pool = new Pool(url, { connections: 8 });
  return {
    async send(method, path, body) {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const all = { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
      const answer = await pool.request({ method, path, headers: all, ...sent });
      const text = await answer.body.text();
      return { status: answer.statusCode, text, json: bodyOf(text) };
    },
    close: () => pool.destroy(),
  };
}

function bodyOf(text: string): Json {
  try {
    const json = losslessJson(text);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
    const { time: _time, usage: _usage, ...rest } = json as Record<string, Json>;
    return rest;
  } catch {
    return null;
  }
}
