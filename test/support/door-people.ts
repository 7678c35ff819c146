import { createOracle, type Asker, type Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import { randomAcl, randomLabel, randomWorld, type Person, type WorldDocument, type WorldLabel, type WorldSource } from './world.ts';

/** Who asks at the door, and under which policy: the people, sources and lines of a random world, the same in every tenant. */
export interface DoorPeople {
  readonly sources: readonly WorldSource[];
  readonly people: readonly Person[];
  /** policy.csv for these tenants. Application `writer-<source>` may write into its source, `root` administers. */
  policyFor(tenants: readonly string[]): string;
  oracleFor(tenants: readonly string[]): Promise<Oracle>;
  /** A document's access and label, as `randomWorld` makes them. */
  access(random: Random): { readonly acl: WorldDocument['acl'] } & Partial<WorldLabel>;
}

const MODEL_TENANT = 'acme';
const TOP = 'upto:restricted+finance+legal+people';

export function doorPeople(seed: number): DoorPeople {
  const world = randomWorld(seed, []);
  const sources = world.sources.filter(({ tenant }) => tenant === MODEL_TENANT);
  const people = world.people.filter(({ tenant }) => tenant === MODEL_TENANT);
  const lines = world.policy.split('\n').filter((line) => line.includes(`, ${MODEL_TENANT}`));
  const writers = sources.flatMap(({ source }) =>
    ['ingest', 'label'].map((action) => {
      const columns = [source, action, TOP, action === 'ingest' ? 'as:trusted' : '*', '*', 'allow'];
      return `p, client:test|writer-${source}, ${MODEL_TENANT}, ${columns.join(', ')}`;
    }),
  );
  const root = ['administer', 'label', 'ingest', 'audit'].map(
    (action) =>
      `p, client:test|root, ${MODEL_TENANT}, *, ${action}, ${action === 'administer' ? '*' : TOP}, ${action === 'ingest' ? 'as:trusted' : '*'}, *, allow`,
  );
  const all = [...lines, ...writers, ...root];
  const policyFor = (tenants: readonly string[]): string =>
    tenants.flatMap((tenant) => all.map((line) => line.replace(new RegExp(`, ${MODEL_TENANT}(?=,|$)`), `, ${tenant}`))).join('\n');
  return {
    sources,
    people,
    policyFor,
    oracleFor(tenants) {
      const byName = new Map(sources.map((source) => [source.source, source]));
      return createOracle({
        policy: policyFor(tenants),
        source(tenant, name) {
          const found = byName.get(name);
          if (found === undefined) throw new Error(`no source ${name}`);
          return { ...found, tenant };
        },
      });
    },
    access: (random) => ({ acl: randomAcl(random, people), ...(random.chance(0.6) ? {} : randomLabel(random)) }),
  };
}

/** People through applications whom the oracle lets read shares of these documents that differ: from nearly nothing to most. */
export function pickAskers(
  oracle: Oracle,
  people: readonly Person[],
  documents: readonly WorldDocument[],
  count: number,
): readonly Asker[] {
  const now = Date.now();
  const all = people.flatMap((person) => ['inside', 'outside', 'narrow'].map((client): Asker => ({ person, client, purpose: 'answer' })));
  const shares = all
    .map((asker) => ({
      asker,
      readable: documents.filter((one) => oracle.mayRead(asker, { ...one, tenant: asker.person.tenant }, now)).length,
    }))
    .filter(({ readable }) => readable > 1 && readable < documents.length - 1)
    .sort((a, b) => a.readable - b.readable);
  if (shares.length < count) throw new Error('too few people differ');
  return Array.from({ length: count }, (_, n) => {
    const picked = shares[Math.floor(((n + 1) * shares.length) / count) - 1];
    if (picked === undefined) throw new Error('nobody there');
    return picked.asker;
  });
}
