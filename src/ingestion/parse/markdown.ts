import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { parse as parseYaml } from 'yaml';
import { AppError } from '../../core/errors.ts';
import type { ParsedDocument } from '../../core/text.ts';
import { buildFromHtml } from './html.ts';
import { cleanText, type RemovalCount } from './invisible.ts';
import { markdownSections } from './markdown-sections.ts';
import { mdastToHtml } from './mdast-html.ts';
import { MARKDOWN_PARSER } from './parser-names.ts';

const FRONT_MATTER = /^---[ \t]*\n([\s\S]{0,65536}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)/;
const TITLE_LINE = /^title[ \t]*:.*$/m;

/**
 * Milliseconds of processor time that reading may take. Prose takes 1 to 2 a KiB; what is built to be slow takes twenty times
 * that. Processor time of this thread, since a busy machine is not the document's fault.
 */
const BASE_BUDGET = 3_000;
const BUDGET_A_KIB = 4;
const MAX_BUDGET = 20_000;

/**
 * The text a reader of rendered Markdown (CommonMark with GFM) sees, in blocks. Front matter is taken off; only its title counts,
 * before the first outermost heading. Fails with `unreadable_document` where nothing is left, where HTML in it nests deeper than
 * 400, or where it is built to be slow to read.
 */
export function parseMarkdown(source: string, removed: RemovalCount): ParsedDocument {
  // First, since an invisible character in front of a marker would turn structure into text.
  const cleaned = cleanText(source, removed);
  const front = FRONT_MATTER.exec(cleaned);
  const body = front === null ? cleaned : cleaned.slice(front[0].length);
  const budget = Math.min(BASE_BUDGET + (BUDGET_A_KIB * body.length) / 1024, MAX_BUDGET);
  const started = process.threadCpuUsage();
  const html = markdownSections(body).map((section) => {
    const { user, system } = process.threadCpuUsage(started);
    if ((user + system) / 1000 > budget) throw new AppError('unreadable_document', { detail: 'Markdown that is too slow to read' });
    return sectionHtml(section);
  });
  return buildFromHtml(html.join('\n'), removed, frontTitle(front?.[1] ?? ''), MARKDOWN_PARSER);
}

function sectionHtml(section: string): string {
  return mdastToHtml(fromMarkdown(section, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] }));
}

/** The one line is read alone: the rest of the front matter need not be valid, nor cost anything. */
function frontTitle(front: string): string | undefined {
  const line = TITLE_LINE.exec(front)?.[0];
  if (line === undefined) return undefined;
  try {
    const value: unknown = parseYaml(line);
    const title: unknown = typeof value === 'object' && value !== null && 'title' in value ? value.title : undefined;
    return typeof title === 'string' ? title : undefined;
  } catch {
    return undefined;
  }
}
