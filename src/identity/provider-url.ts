import { isLoopbackHost, isPlainUrl, isProtectedUrl } from '../core/urls.ts';

export function isLoopbackHttp(url: URL): boolean {
  return url.protocol === 'http:' && isLoopbackHost(url.hostname);
}

/** https anywhere, http on loopback, and beyond it where `plainHttp` says so; no user, password or fragment. */
export function isProviderUrl(text: string, plainHttp = false): boolean {
  return isProtectedUrl(text) || (plainHttp && isPlainUrl(text, ['http:']));
}
