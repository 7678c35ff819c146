import type { Answer } from './ask.ts';
import type { Stage } from './stage.ts';

/** What must hold for the demo to be true. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
}

/** One column of a table: who asked, through what, or when. */
export interface Column {
  readonly name: string;
  readonly answer: Answer;
}

export interface SceneResult {
  readonly scene: string;
  readonly headline: string;
  readonly question?: string;
  readonly columns: readonly Column[];
  /** Further lines to print as they are, at most 94 columns. */
  readonly lines: readonly string[];
  readonly why: string;
  readonly checks: readonly Check[];
  /** For `--json`. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export function shows({ name, answer }: Column, document: string): Check {
  return { what: `${name} is shown ${document}`, ok: answer.shown.some((shown) => shown.name === document) };
}

/** The document has to exist, or not being shown would prove nothing. */
export function hides(stage: Stage, { name, answer }: Column, document: string): Check {
  const exists = stage.documents.has(document);
  return { what: `${name} is not shown ${document}`, ok: exists && !answer.shown.some((shown) => shown.name === document) };
}

/** Everything shown passes, and there is something. */
export function showsOnly({ name, answer }: Column, what: string, passes: (document: Answer['shown'][number]) => boolean): Check {
  return { what: `${name} is shown only ${what}`, ok: answer.shown.length > 0 && answer.shown.every(passes) };
}

export function holds(what: string, ok: boolean): Check {
  return { what, ok };
}
