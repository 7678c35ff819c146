import { LRUCache } from 'lru-cache';
import type { TenantId } from '../core/ids.ts';
import type { LabelScheme } from '../core/label.ts';
import type { PolicyObject } from '../core/zone.ts';
import { labelMatches, parseEffect, parseLabelTerm, parseTrustTerm, trustMatches } from './terms.ts';

/** `r.sub`: a party and everything it holds, its principals and the roles reached from them. */
export interface Subject {
  readonly tenant: TenantId;
  readonly held: ReadonlySet<string>;
}

/** The four functions of the matcher. Casbin and the compiler call the same ones, so that they cannot drift apart. */
export interface PolicyFunctions {
  holds(subject: Subject, who: string): boolean;
  serves(linePurpose: string, purpose: string): boolean;
  covers(pattern: string, source: string): boolean;
  /** Throws on an effect or a form that is not in the language: a line that cannot be read decides nothing. */
  speaks(eft: string, label: string, trust: string, zone: PolicyObject): boolean;
  /** `speaks` with its columns read, for whoever asks about many zones: that function is this one, looked up by its columns. */
  speaking(eft: string, label: string, trust: string): (zone: PolicyObject) => boolean;
}

type Speaking = (zone: PolicyObject) => boolean;

// Parsing costs fifty times what matching does, and a policy repeats few combinations.
const MAX_CACHED_TERMS = 20_000;

function readTerms(scheme: LabelScheme, eftText: string, labelText: string, trustText: string): Speaking {
  const eft = parseEffect(eftText);
  if (eft === undefined) throw new Error('an effect that is neither allow nor deny');
  const label = parseLabelTerm(scheme, eft, labelText);
  const trust = parseTrustTerm(eft, trustText);
  if (label === undefined || trust === undefined) throw new Error('a label or trust column outside the policy language');
  return (zone) => labelMatches(scheme, label, zone.label) && trustMatches(trust, zone.label.trust);
}

export function policyFunctions(scheme: LabelScheme): PolicyFunctions {
  const cache = new LRUCache<string, Speaking>({ max: MAX_CACHED_TERMS });
  const speaking = (eft: string, label: string, trust: string): Speaking => {
    const key = `${eft}\n${label}\n${trust}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const made = readTerms(scheme, eft, label, trust);
    cache.set(key, made);
    return made;
  };
  return {
    holds: (subject, who) => who !== '' && subject.held.has(who),
    serves: (linePurpose, purpose) => linePurpose === '*' || (linePurpose !== '' && linePurpose === purpose),
    covers(pattern, source) {
      if (!pattern.endsWith('*')) return pattern !== '' && pattern === source;
      return source.startsWith(pattern.slice(0, -1));
    },
    speaks: (eft, label, trust, zone) => speaking(eft, label, trust)(zone),
    speaking,
  };
}
