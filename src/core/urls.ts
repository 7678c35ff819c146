/** `localhost`, 127.0.0.0/8 and ::1, with or without brackets. Names below `.localhost` may resolve elsewhere, so they do not count. */
export function isLoopbackHost(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A URL of one of these schemes without user, password or fragment, which end up in logs. */
export function isPlainUrl(text: string, protocols: readonly string[]): boolean {
  const url = URL.parse(text);
  return url !== null && protocols.includes(url.protocol) && url.username === '' && url.password === '' && url.hash === '';
}

/** https anywhere, plain http on loopback only. */
export function isProtectedUrl(text: string): boolean {
  const url = URL.parse(text);
  return isPlainUrl(text, ['https:', 'http:']) && url !== null && (url.protocol === 'https:' || isLoopbackHost(url.hostname));
}
