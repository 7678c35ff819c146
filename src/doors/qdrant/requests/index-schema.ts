import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_NAMES } from './bounds.ts';
import {
  flag,
  given,
  isList,
  list,
  malformed,
  maybe,
  member,
  natural,
  object,
  oneOf,
  payloadKey,
  type Place,
  present,
  refuseMembers,
  senseless,
  text,
} from './shape.ts';

/** A payload index as it was asked for: a type by name, or with its settings. */
export interface IndexRequest {
  readonly field: string;
  readonly schema: LosslessObject | string;
}

const TYPES = ['keyword', 'integer', 'float', 'geo', 'text', 'bool', 'datetime', 'uuid'] as const;
const TOKENIZERS = ['prefix', 'whitespace', 'word', 'multilingual'] as const;

type Read = (place: Place) => LosslessJson;

/** Qdrant knows which languages there are. */
function stopwords(place: Place): LosslessJson {
  if (!isLosslessObject(place.value)) return text(place);
  const words = (name: string) =>
    maybe(member(object(place), name, place.at), (one) =>
      isList(one.value) ? list(one, MAX_NAMES).map(text) : malformed(one.at, 'expected a list'),
    );
  return present<LosslessObject>({ languages: words('languages'), custom: words('custom') });
}

function stemmer(place: Place): LosslessJson {
  const record = object(place);
  return { type: oneOf(member(record, 'type', place.at), ['snowball']), language: text(member(record, 'language', place.at)) };
}

const SETTINGS: Readonly<Record<(typeof TYPES)[number], Readonly<Record<string, Read>>>> = {
  keyword: { is_tenant: flag },
  integer: { lookup: flag, range: flag, is_principal: flag },
  float: { is_principal: flag },
  geo: {},
  text: {
    tokenizer: (place) => oneOf(place, TOKENIZERS),
    min_token_len: natural,
    max_token_len: natural,
    lowercase: flag,
    phrase_matching: flag,
    ascii_folding: flag,
    stopwords,
    stemmer,
  },
  bool: {},
  datetime: { is_principal: flag },
  uuid: { is_tenant: flag },
};

function schema(place: Place): LosslessObject | string {
  if (!isLosslessObject(place.value)) return oneOf(place, TYPES);
  const record = object(place);
  const type = oneOf(member(record, 'type', place.at), TYPES);
  const settings: Readonly<Record<string, Read>> = { ...SETTINGS[type], on_disk: flag };
  const read = Object.entries(settings).map(([name, one]) => [name, maybe(member(record, name, place.at), one)] as const);
  return { type, ...present<LosslessObject>(Object.fromEntries(read)) };
}

/** Body of `PUT collections/{name}/index`. */
export function parseCreateIndex(body: LosslessJson): IndexRequest {
  const record = object({ value: body, at: '' });
  refuseMembers(record, '', { shard_key: 'collections have no shard keys here' });
  const field = payloadKey(given(record, 'field_name', ''));
  // The older name.
  const found = [member(record, 'field_schema', ''), member(record, 'field_type', '')].find(({ value }) => value !== undefined);
  return found === undefined ? senseless("Can't auto-detect field type, please specify `field_schema`") : { field, schema: schema(found) };
}

/** Name of an index as it stands in a path. */
export function parseIndexField(field: string): string {
  return payloadKey({ value: field, at: 'field_name' });
}
