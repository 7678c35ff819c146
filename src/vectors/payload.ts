import { AppError } from '../core/errors.ts';
import { MAX_GATES } from '../core/acl.ts';
import type { JsonObject } from '../core/json.ts';
import type { AccessPayload, NumberedAcl } from '../core/ports/vectors.ts';

/**
 * What a point carries, and all it carries. Text, titles and names of sources stay in the catalog.
 *
 * | key                        | type               | value                                                           |
 * | -------------------------- | ------------------ | --------------------------------------------------------------- |
 * | `tenant`                   | keyword, is_tenant | tenant id                                                       |
 * | `document`                 | keyword            | document key                                                    |
 * | `zone`                     | integer            | zone id                                                         |
 * | `acl_v`                    | integer            | revision of all of this; every filter demands it                |
 * | `g0` … `g7`                | integers           | principals of that gate; `[0]` no such gate; `[-1]` nobody      |
 * | `deny`                     | integers           | principals denied; `[-1]` none, so that the field is never gone |
 * | `valid_from`,`valid_until` | integer            | seconds since 1970, [from, until); 0 always; 2^53 − 1 forever   |
 * | `metadata`                 | object             | the caller's own; the only part a caller's filter may name      |
 *
 * A point that has lost any of these is invisible: every filter demands each one by a condition that a missing field fails.
 *
 * In a hosted collection most points have one gate and nothing else that could close them. Such a point has that gate under `only`, and
 * not `g0` … `valid_until`: what a filter checks at each point costs more than comparing its vector.
 */
export const GATES = Array.from({ length: MAX_GATES }, (_, i) => `g${i}`);

/** Of Sluice's own payload, all but the caller's `metadata`. */
export const PAYLOAD_KEYS: readonly string[] = ['tenant', 'document', 'zone', 'acl_v', ...GATES, 'deny', 'valid_from', 'valid_until'];

export const NO_GATE = 0;
/** A gate beside which there is no other, no deny and no bound. */
export const ONLY = 'only';
/** No principal has this number, so it neither opens a gate nor denies anybody. */
export const NOBODY = -1;
export const ALWAYS = 0;
export const FOREVER = Number.MAX_SAFE_INTEGER;

function whole(value: number, minimum: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new AppError('internal', { detail: `${what} cannot be written to the index: not an integer from ${minimum}` });
  }
  return value;
}

function principals(numbers: readonly number[], what: string): readonly number[] {
  return numbers.length === 0 ? [NOBODY] : numbers.map((n) => whole(n, 1, what));
}

/** No gates at all means nobody, so it closes every gate; an empty one closes itself. */
function gates(acl: NumberedAcl): readonly (readonly number[])[] {
  if (acl.gates.length > MAX_GATES) {
    throw new AppError('internal', {
      detail: `an ACL of ${acl.gates.length} gates cannot be written to the index, which holds ${MAX_GATES}`,
    });
  }
  if (acl.gates.length === 0) return GATES.map(() => [NOBODY]);
  return GATES.map((_, i) => {
    const gate = acl.gates[i];
    return gate === undefined ? [NO_GATE] : principals(gate, 'a principal of a gate');
  });
}

/** The whole payload of each of a document's own points. Fails with `internal` on what could not be matched again. */
export function encodePayload(access: AccessPayload): JsonObject {
  return { ...encodeAccess(access), metadata: access.metadata };
}

/** What filters look at, and nothing else. Fails like `encodePayload`. */
export function encodeAccess(access: AccessPayload): JsonObject {
  const gate = gates(access.acl);
  return {
    ...encodePlace(access),
    ...Object.fromEntries(GATES.map((key, i) => [key, gate[i] ?? [NOBODY]])),
    deny: principals(access.acl.deny, 'a denied principal'),
    // Instants before 1970 are all past, so 0 says the same about them.
    valid_from: access.validFrom === 'always' ? ALWAYS : whole(Math.max(0, access.validFrom), 0, 'a start of validity'),
    valid_until: access.validUntil === 'forever' ? FOREVER : whole(Math.max(0, access.validUntil), 0, 'an end of validity'),
  };
}

/** The same of a hosted point, the value of its reserved key: short where one gate is all there is. */
export function encodeHosted(access: AccessPayload): JsonObject {
  const { acl, validFrom, validUntil } = access;
  const [gate, more] = acl.gates;
  const alone = more === undefined && acl.deny.length === 0 && validFrom === 'always' && validUntil === 'forever';
  if (gate === undefined || !alone) return encodeAccess(access);
  return { ...encodePlace(access), [ONLY]: principals(gate, 'a principal of a gate') };
}

function encodePlace({ tenant, document, zone, revision }: AccessPayload): JsonObject {
  return { tenant, document, zone: whole(zone, 1, 'a zone'), acl_v: whole(revision, 1, 'a revision') };
}
