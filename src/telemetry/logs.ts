import { pino, type DestinationStream } from 'pino';
import type { Attributes, Log } from '../core/ports/telemetry.ts';
import { describeError } from './error-report.ts';
import type { RequestIds } from './request-scope.ts';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const MAX_FIELD = 512;
// A field of ours may not be shadowed: parsers disagree on which of two equal keys counts.
const RESERVED = new Set(['level', 'time', 'msg', 'error', 'requestId', '__proto__']);

/** Redaction by construction: what is not a primitive, however it got past the types, is not written. */
export function loggable(fields: Attributes, requestId: string | undefined): Record<string, unknown> {
  const line: Record<string, unknown> = requestId === undefined ? {} : { requestId };
  for (const key of Object.keys(fields)) {
    if (RESERVED.has(key)) continue;
    const value: unknown = fields[key];
    if (typeof value === 'string') line[key] = value.length > MAX_FIELD ? `${value.slice(0, MAX_FIELD)}…` : value;
    else if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) line[key] = value;
  }
  return line;
}

/** JSON lines: `level`, `time` (ms), `msg`, `requestId` inside a request, the fields, and `error` with its causes. */
export function createLog(level: LogLevel, ids: RequestIds, destination: DestinationStream): Log {
  const logger = pino({ level, base: null, formatters: { level: (label) => ({ level: label }) } }, destination);
  return {
    debug(fields, message) {
      if (level === 'debug') logger.debug(loggable(fields, ids.current()), message);
    },
    info(fields, message) {
      logger.info(loggable(fields, ids.current()), message);
    },
    warn(fields, message) {
      logger.warn(loggable(fields, ids.current()), message);
    },
    error(fields, message, error) {
      const line = loggable(fields, ids.current());
      if (error !== undefined) line['error'] = describeError(error);
      logger.error(line, message);
    },
  };
}
