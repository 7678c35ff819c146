import { z } from 'zod';
import { printable } from '../terminal.ts';

const reported = z.object({
  chunks: z.array(z.object({ rank: z.int(), source: z.string() })),
  prompt: z.string().optional(),
});
const checked = z.object({
  decision: z.string(),
  reasons: z.array(z.string()),
  length: z.int(),
  counts: z.object({ cited: z.int().nullable(), quoted: z.int().nullable(), uncited: z.int().nullable(), unknown: z.int().nullable() }),
});

/** What an application reported of the request, in a line each; none for any other event, or one of another shape. */
export function stageLines({ kind, body }: { readonly kind: string; readonly body: unknown }): readonly string[] {
  if (kind === 'output.checked') return checkedLines(body);
  if (kind !== 'admitted' && kind !== 'cited') return [];
  const { success, data } = reported.safeParse(body);
  if (!success) return [];
  const ranks = data.chunks.map(({ rank }) => rank).join(', ') || 'no chunk';
  const prompt = data.prompt === undefined || data.prompt === 'none' ? '' : `, digest of the prompt ${printable(data.prompt)}`;
  return [`${kind.padEnd(10)} ${ranks}${prompt}`];
}

function checkedLines(body: unknown): readonly string[] {
  const { success, data } = checked.safeParse(body);
  if (!success) return [];
  const { decision, reasons, length, counts } = data;
  const why = reasons.length === 0 ? '' : ` (${reasons.map(printable).join(', ')})`;
  const found =
    counts.quoted === null
      ? ''
      : `: ${counts.cited} citations, ${counts.quoted} quotations of which ${counts.uncited} not cited, ${counts.unknown} citations of nothing released`;
  return [`output     ${printable(decision)}${why}, ${length} characters${found}`];
}
