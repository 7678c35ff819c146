import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { AppError } from '../../core/errors.ts';
import type { DsseEnvelope } from '../../core/manifest/dsse.ts';
import { visibleIssues } from '../entrance/visible-issues.ts';

/** In `_meta`, which is for the application and not for its model. */
const ERROR = 'sluice/error';
const MANIFEST = 'sluice/manifest';

/**
 * `texts` are what a model may be shown: the context with trusted and untrusted kept apart, and our own words apart from it. The same
 * chunks stand in `structured` as they are, for the application.
 */
export function answered(
  texts: readonly string[],
  structured: Readonly<Record<string, unknown>>,
  manifest: DsseEnvelope | undefined,
): CallToolResult {
  return {
    content: texts.map((text) => ({ type: 'text', text })),
    structuredContent: structured,
    ...(manifest === undefined ? {} : { _meta: { [MANIFEST]: manifest } }),
  };
}

/** A refusal that a model can read and act on. Made of the code alone and of places in the caller's own input, so hidden is as missing. */
export function refused(error: AppError, requestId: string): CallToolResult {
  const { code, status, publicMessage, retryAfter } = error;
  const errors = visibleIssues(error);
  const wait = retryAfter === undefined ? [] : [`Repeat after ${Math.ceil(retryAfter)} s.`];
  const places = errors.map(({ pointer, message }) => `${pointer}: ${message}`);
  return {
    isError: true,
    content: [{ type: 'text', text: [`${code}: ${publicMessage}`, ...wait, ...places].join('\n') }],
    _meta: {
      [ERROR]: {
        code,
        status,
        requestId,
        ...(errors.length === 0 ? {} : { errors }),
        ...(retryAfter === undefined ? {} : { retryAfter: Math.ceil(retryAfter) }),
      },
    },
  };
}
