import type { Command } from 'commander';
import { usage } from '../failure.ts';

export interface FilterOptions {
  readonly document?: string;
  readonly subject?: string;
  readonly source?: string;
  readonly client?: string;
  readonly kind?: string;
  readonly from?: string;
  readonly to?: string;
}

const FILTERS = ['document', 'subject', 'source', 'client', 'kind', 'from', 'to'] as const;

/** What is asked after; the same for every question. */
export function withFilters(command: Command): Command {
  return command
    .option('--document <document>', '<source>/<document>, or the id alone with --source')
    .option('--subject <principal>', 'a person or an application: what it asked, did, and was done to it')
    .option('--source <source>', 'what is about this source')
    .option('--client <principal>', 'the application through which it came')
    .option('--from <time>', 'ISO 8601, from this time on')
    .option('--to <time>', 'ISO 8601, before this time');
}

/** A query string of everything given. */
export function queryOf(options: FilterOptions, more: Readonly<Record<string, string | undefined>> = {}): string {
  const query = new URLSearchParams();
  for (const name of FILTERS) {
    const value = options[name];
    // A day alone is a day in UTC.
    if (value !== undefined) query.set(name, name === 'from' || name === 'to' ? instant(name, value) : value);
  }
  for (const [name, value] of Object.entries(more)) if (value !== undefined) query.set(name, value);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

function instant(name: string, text: string): string {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw usage(`--${name} needs a time such as 2026-01-31 or 2026-01-31T12:00:00Z`);
  return new Date(time).toISOString();
}
