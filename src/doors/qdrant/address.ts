import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** `10.0.0.0/8` or a plain address, IPv4 or IPv6; the configuration has checked them. */
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

/**
 * The address that a request came from: the peer's, or, behind proxies that are trusted, the last one in `X-Forwarded-For` that no trusted
 * proxy has. What stands before it is the caller's own writing.
 */
export function addressFinder(trustedProxies: readonly string[] | undefined): (req: IncomingMessage) => string {
  const peerOf = (req: IncomingMessage): string => req.socket.remoteAddress ?? 'unknown';
  if (trustedProxies === undefined) return peerOf;
  const trusted = listOf(trustedProxies);
  const isTrusted = (address: string): boolean => {
    const version = isIP(address);
    return version !== 0 && trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
  return (req) => {
    const forwarded = req.headers['x-forwarded-for'];
    const chain = typeof forwarded === 'string' ? forwarded.split(',').map((part) => part.trim()) : [];
    let address = peerOf(req);
    while (isTrusted(address)) {
      const next = chain.pop();
      if (next === undefined || next === '') break;
      address = next;
    }
    return address;
  };
}
