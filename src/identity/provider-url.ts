/** `localhost`, 127.0.0.0/8 and ::1, as a URL's `hostname` spells them. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

export function isLoopbackHttp(url: URL): boolean {
  return url.protocol === 'http:' && isLoopbackHost(url.hostname);
}

/** https anywhere, http on loopback, and beyond it where `plainHttp` says so; no user, password or fragment. */
export function isProviderUrl(text: string, plainHttp = false): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || isLoopbackHttp(url) || (plainHttp && url.protocol === 'http:');
}
