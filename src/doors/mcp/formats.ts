import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { RenderedContext } from '../../core/provenance.ts';

/** Those that are one text. */
export const formatSchema = z
  .enum(['xml', 'datamark', 'base64'])
  .default('xml')
  .meta({ description: 'How the text keeps what may be trusted apart from what may not.' });

/** The text of a context in one of these formats. */
export function textOf(context: RenderedContext | undefined): string {
  if (context === undefined || !('text' in context)) throw new AppError('internal', { detail: 'an answer without its text' });
  return context.text;
}
