const FIELDS = ['at', 'body', 'index', 'kind', 'requestId', 'salt', 'tenant', 'v'];

/** Whether a line is a whole event in canonical JSON (RFC 8785): the one text that its content has. */
export function isCanonicalEvent(line: string): boolean {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return false;
  }
  if (typeof event !== 'object' || event === null || Object.keys(event).join() !== FIELDS.join()) return false;
  const { at, body, salt, requestId } = event as Readonly<Record<string, unknown>>;
  const formed = Number.isSafeInteger(at) && typeof body === 'object' && body !== null && typeof requestId === 'string';
  return formed && typeof salt === 'string' && /^[0-9a-f]{32}$/.test(salt) && canonical(event) === line;
}

/** Numbers and strings as JSON.stringify writes them are those of RFC 8785; keys are sorted by UTF-16 code units. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}
