import type { CollectionProfile } from '../ports/collections.ts';

/** Libraries whose points are known, and `plain` for applications that may put things where they like. */
export const PRESETS = ['plain', 'langchain', 'langchain-python', 'llamaindex', 'haystack', 'mastra'] as const;
export type Preset = (typeof PRESETS)[number];

/** A profile as people write it: a preset, or paths with what is not named taken from a preset. */
export type WrittenProfile =
  | Preset
  | ({
      readonly preset?: Preset | undefined;
      readonly text?: string | { readonly path: string; readonly inner?: string | undefined } | undefined;
      readonly provenance?: CollectionProfile['provenance'] | undefined;
    } & { readonly [K in keyof Omit<CollectionProfile, 'text' | 'provenance'>]?: string | undefined });

export function profileOf(written: WrittenProfile): CollectionProfile {
  if (typeof written === 'string') return PROFILES[written];
  const { preset, text, provenance, ...fields } = written;
  const from: Partial<CollectionProfile> = preset === undefined ? {} : PROFILES[preset];
  const { path, inner } = typeof text === 'string' ? { path: text, inner: undefined } : (text ?? from.text ?? PROFILES.plain.text);
  const named = Object.entries(fields).filter(([, field]) => field !== undefined);
  return {
    ...from,
    ...Object.fromEntries(named),
    text: { path, ...(inner === undefined ? {} : { inner }) },
    provenance: provenance ?? from.provenance ?? 'payload',
  };
}

/** What everything but the text is called where a library leaves it to the application. */
function fields(prefix: string): Omit<CollectionProfile, 'text' | 'provenance'> {
  return {
    title: `${prefix}title`,
    document: `${prefix}document`,
    uri: `${prefix}uri`,
    acl: `${prefix}acl`,
    level: `${prefix}level`,
    compartments: `${prefix}compartments`,
    trust: `${prefix}trust`,
  };
}

/**
 * Where each library keeps the text of a point and what came with it. A payload is stored and given back as it was written, whatever
 * the profile says; a profile only says where to read.
 */
export const PROFILES: Readonly<Record<Preset, CollectionProfile>> = {
  plain: { text: { path: 'text' }, ...fields(''), provenance: 'payload' },
  // What a loader knows of a document stands in `metadata`, its address or path as `source`.
  langchain: { text: { path: 'content' }, ...fields('metadata.'), document: 'metadata.source', provenance: 'payload' },
  'langchain-python': { text: { path: 'page_content' }, ...fields('metadata.'), document: 'metadata.source', provenance: 'payload' },
  // The node as JSON in a string, the text in it; what the node carries as metadata lies at the root.
  llamaindex: {
    text: { path: '_node_content', inner: 'text' },
    ...fields(''),
    title: 'file_name',
    document: 'ref_doc_id',
    provenance: 'payload',
  },
  // It takes keys that it does not know for metadata; Haystack 2 refuses metadata in two places at once.
  haystack: { text: { path: 'content' }, ...fields('meta.'), provenance: 'none' },
  // The metadata of a vector is the whole payload; its examples and chunkers keep the text in it as `text`.
  mastra: { text: { path: 'text' }, ...fields(''), provenance: 'payload' },
};
