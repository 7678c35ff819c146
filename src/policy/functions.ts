import { LRUCache } from 'lru-cache';
import type { TenantId } from '../core/ids.ts';
import type { LabelScheme } from '../core/label.ts';
import type { PolicyObject } from '../core/zone.ts';
import {
  labelMatches,
  parseEffect,
  parseLabelTerm,
  parseTrustTerm,
  trustMatches,
  type Effect,
  type LabelTerm,
  type TrustTerm,
} from './terms.ts';

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
}

interface Terms {
  readonly label: LabelTerm;
  readonly trust: TrustTerm;
}

// Parsing costs fifty times what matching does, and a policy repeats few combinations.
const MAX_CACHED_TERMS = 20_000;

function readTerms(scheme: LabelScheme, eft: Effect, label: string, trust: string): Terms {
  const labelTerm = parseLabelTerm(scheme, eft, label);
  const trustTerm = parseTrustTerm(eft, trust);
  if (labelTerm === undefined || trustTerm === undefined) throw new Error('a label or trust column outside the policy language');
  return { label: labelTerm, trust: trustTerm };
}

export function policyFunctions(scheme: LabelScheme): PolicyFunctions {
  const cache = new LRUCache<string, Terms>({ max: MAX_CACHED_TERMS });
  return {
    holds: (subject, who) => who !== '' && subject.held.has(who),
    serves: (linePurpose, purpose) => linePurpose === '*' || (linePurpose !== '' && linePurpose === purpose),
    covers(pattern, source) {
      if (!pattern.endsWith('*')) return pattern !== '' && pattern === source;
      return source.startsWith(pattern.slice(0, -1));
    },
    speaks(eftText, label, trust, zone) {
      const eft = parseEffect(eftText);
      if (eft === undefined) throw new Error('an effect that is neither allow nor deny');
      const key = `${eft}\n${label}\n${trust}`;
      let terms = cache.get(key);
      if (terms === undefined) {
        terms = readTerms(scheme, eft, label, trust);
        cache.set(key, terms);
      }
      return labelMatches(scheme, terms.label, zone.label) && trustMatches(terms.trust, zone.label.trust);
    },
  };
}
