import type { IncomingMessage } from 'node:http';

/**
 * Whether a request was asked under one of these names, in whatever case and at whatever port; every name will do where none are given.
 * A page whose own name was pointed at this machine (DNS rebinding) asks under that name.
 */
export function askedUnder(names: readonly string[] | undefined): (req: IncomingMessage) => boolean {
  if (names === undefined) return () => true;
  const allowed = new Set(names.map((name) => name.toLowerCase()));
  return (req) => allowed.has(hostOf(req));
}

function hostOf(req: IncomingMessage): string {
  const host = (req.headers.host ?? '').toLowerCase();
  return host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':')[0] ?? '');
}
