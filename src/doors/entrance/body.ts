import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../core/errors.ts';

/** Fails with `unsupported_media_type`. Compressed bodies are refused: a small one can unpack to any size. */
export function requireMediaType(req: IncomingMessage, ...types: readonly string[]): void {
  const [essence = '', ...parameters] = (req.headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  const encoding = req.headers['content-encoding'];
  const utf8 = charset === undefined || charset === 'charset=utf-8' || charset === 'charset="utf-8"';
  if (!types.includes(essence) || !utf8 || (encoding !== undefined && encoding.toLowerCase() !== 'identity')) {
    throw new AppError('unsupported_media_type');
  }
}

/** Answers `Expect: 100-continue`, which is left open until the caller is known. */
export function invite(req: IncomingMessage, res: ServerResponse): void {
  if (req.headers.expect !== undefined && !res.headersSent) res.writeContinue();
}

/** The whole body, of at most `limit` bytes. Fails with `payload_too_large`, before reading where the length is announced. */
export function readBody(req: IncomingMessage, res: ServerResponse, limit: number): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > limit) return Promise.reject(new AppError('payload_too_large'));
  invite(req, res);
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const onData = (part: Buffer): void => {
      size += part.length;
      if (size <= limit) {
        parts.push(part);
        return;
      }
      req.off('data', onData);
      reject(new AppError('payload_too_large'));
    };
    req.on('data', onData);
    req.once('end', () => resolve(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, size)));
    req.once('error', (cause) => reject(new AppError('malformed_json', { detail: 'the body broke off', cause })));
  });
}

const DRAIN_MS = 2_000;

/**
 * After an early answer the rest of the body is thrown away for a moment, so that the client reads the answer instead of
 * a reset; whoever goes on sending is cut off.
 */
export function cutOffUnread(req: IncomingMessage, res: ServerResponse): void {
  res.once('finish', () => {
    if (req.complete) return;
    req.resume();
    const timer = setTimeout(() => req.socket.destroy(), DRAIN_MS);
    req.once('close', () => clearTimeout(timer));
    timer.unref();
  });
}
