import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { addressFinder } from './address.ts';

function from(peer: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage;
}

test.each([
  ['no proxy is trusted', undefined, from('10.0.0.9', '1.2.3.4'), '10.0.0.9'],
  ['the peer is no proxy', ['10.0.0.0/8'], from('192.0.2.1', '1.2.3.4'), '192.0.2.1'],
  ['one proxy', ['10.0.0.0/8'], from('10.0.0.9', '1.2.3.4'), '1.2.3.4'],
  ['what a caller wrote before', ['10.0.0.0/8'], from('10.0.0.9', '9.9.9.9, 1.2.3.4'), '1.2.3.4'],
  ['two proxies', ['10.0.0.0/8', '192.0.2.7'], from('10.0.0.9', '9.9.9.9, 1.2.3.4, 192.0.2.7'), '1.2.3.4'],
  ['a proxy that says nothing', ['10.0.0.0/8'], from('10.0.0.9'), '10.0.0.9'],
  ['everybody is a proxy', ['0.0.0.0/0'], from('10.0.0.9', '1.2.3.4'), '1.2.3.4'],
  ['a mapped peer', ['10.0.0.0/8'], from('::ffff:10.0.0.9', '1.2.3.4'), '1.2.3.4'],
  ['IPv6', ['2001:db8::/32'], from('2001:db8::1', '2001:db9::2'), '2001:db9::2'],
  ['nonsense in the field', ['10.0.0.0/8'], from('10.0.0.9', 'nonsense, 10.0.0.1'), 'nonsense'],
])('the address of a request: %s', (_name, trusted, req, address) => {
  expect(addressFinder(trusted)(req)).toBe(address);
});
