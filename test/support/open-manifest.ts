const MANIFEST = /"manifest":\{"payloadType":"[^"]*","payload":"([^"]*)","signatures":\[[^\]]*\]\}/g;
const RANDOM = /"(caller|nonce|request)":"[^"]*"/g;

/**
 * The text of an answer with its manifest opened: what it says stands there plainly, but for what is random in every one, so that two
 * answers can be compared byte by byte.
 */
export function openManifest(text: string): string {
  return text.replaceAll(MANIFEST, (_, payload: string) => {
    const statement = Buffer.from(payload, 'base64').toString('utf8');
    return `"manifest":${statement.replaceAll(RANDOM, '"$1":""')}`;
  });
}
