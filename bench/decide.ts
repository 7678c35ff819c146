import { readFileSync } from 'node:fs';
import type { Caller } from '../src/core/caller.ts';
import type { SourceId, ZoneId } from '../src/core/ids.ts';
import type { Level } from '../src/core/label.ts';
import type { TenantView } from '../src/core/ports/catalog.ts';
import type { PolicyPort } from '../src/core/ports/policy.ts';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import { createPolicy } from '../src/policy/policy.ts';
import { decideWorld, person, PURPOSES, type DecideWorld } from './support/decide-world.ts';
import { quantile, table } from './support/table.ts';

const MODEL = readFileSync(new URL('../policies/model.conf', import.meta.url), 'utf8');
const GROUPS = [1, 10, 100, 1_000, 10_000];
const NOBODY_BEFORE = 100_000;
const next = { person: NOBODY_BEFORE };

interface Timed {
  readonly wall: number[];
  /** Processor time of the thread, microseconds a call: what is left of a slow call when the machine was busy with others. */
  readonly cpu: number;
}

/** Microseconds of each of `count` calls; `prepare` is not timed. */
function timed<T>(count: number, prepare: (n: number) => T, run: (given: T) => void): Timed {
  const wall: number[] = [];
  let cpu = 0;
  for (let n = 0; n < count; n += 1) {
    const given = prepare(n);
    const before = process.threadCpuUsage();
    const start = process.hrtime.bigint();
    run(given);
    wall.push(Number(process.hrtime.bigint() - start) / 1_000);
    const { user, system } = process.threadCpuUsage(before);
    cpu += user + system;
  }
  return { wall, cpu: cpu / count };
}

function row(name: string, { wall, cpu }: Timed): readonly string[] {
  const show = (us: number): string => (us >= 1_000 ? `${(us / 1_000).toFixed(2)} ms` : `${us.toFixed(1)} µs`);
  return [name, show(quantile(wall, 0.5)), show(quantile(wall, 0.99)), show(cpu)];
}

const HEADINGS = ['what', 'p50', 'p99', 'cpu, mean'];
const policyOf = (world: DecideWorld): PolicyPort =>
  createPolicy({ model: MODEL, purposes: [...PURPOSES], scheme: world.scheme, telemetry: silentTelemetry });
const decide = (policy: PolicyPort, view: TenantView, caller: Caller): void => void policy.decide(view, caller, 'retrieve', 'answer');
const somebody = (world: DecideWorld, groups: number): Caller => person(world, groups, (next.person += 1));

/** The view as the catalog reads it again: new objects for everything but zones, as `catalog/view.ts` makes them. */
function reread(view: TenantView, changes: Partial<TenantView> = {}): TenantView {
  const sources = new Map([...view.sources].map(([id, source]) => [id, { ...source, label: { ...source.label } }]));
  const off = { ...view.off, sources: new Set(view.off.sources), principals: new Set(view.off.principals) };
  return { ...view, generation: view.generation + 1, sources, zones: new Map(view.zones), off, ...changes };
}

function warm(world: DecideWorld): readonly (readonly string[])[] {
  return GROUPS.flatMap((groups) => {
    const policy = policyOf(world);
    const count = groups >= 10_000 ? 60 : 2_000;
    const everybody = Array.from({ length: count }, () => somebody(world, groups));
    for (const one of everybody) decide(policy, world.view, one);
    const same = timed(
      count,
      (n) => everybody[n] ?? somebody(world, groups),
      (one) => decide(policy, world.view, one),
    );
    const renewed = timed(
      count,
      (n) => structuredClone(everybody[n] ?? somebody(world, groups)),
      (one) => decide(policy, world.view, one),
    );
    const strangers = timed(
      Math.min(count, 500),
      () => somebody(world, groups),
      (one) => decide(policy, world.view, one),
    );
    return [
      row(`${groups} groups: the same token again`, same),
      row(`${groups} groups: the same person, a new token`, renewed),
      row(`${groups} groups: a person not seen before, policy compiled`, strangers),
    ];
  });
}

function cold(world: DecideWorld): readonly (readonly string[])[] {
  return GROUPS.map((groups) => {
    const warmUp = policyOf(world);
    for (let n = 0; n < 10; n += 1) decide(warmUp, world.view, somebody(world, groups));
    const given = timed(
      12,
      () => {
        const policy = policyOf(world);
        // Checks and indexes the revision and makes the zone table. Of the sets only those of the application are there.
        decide(policy, world.view, { ...somebody(world, 0), user: { kind: 'none' }, client: somebody(world, 0).client });
        return { policy, caller: somebody(world, groups) };
      },
      ({ policy, caller }) => decide(policy, world.view, caller),
    );
    return row(`${groups} groups, nothing of theirs compiled`, given);
  });
}

function changes(world: DecideWorld): readonly (readonly string[])[] {
  const start = timed(
    3,
    () => policyOf(world),
    (policy) => decide(policy, world.view, person(world, 100, 1)),
  );
  const step = (name: string, count: number, change: (view: TenantView, n: number) => TenantView): readonly string[] => {
    const policy = policyOf(world);
    const caller = person(world, 100, 7);
    let view = world.view;
    decide(policy, view, caller);
    const views = Array.from({ length: count }, (_, n) => (view = change(view, n)));
    return row(
      `${name}, then 100 groups again`,
      timed(
        count,
        (n) => views[n] ?? view,
        (one) => decide(policy, one, caller),
      ),
    );
  };
  const many = world.view.policy.lines.length > 50_000 ? 4 : 12;
  return [
    row('first decision of a process', start),
    step('nothing changed but the generation', 30, (view) => reread(view)),
    step('a switch thrown', 30, (view, n) =>
      reread(view, { off: { ...view.off, sources: new Set([[...view.sources.keys()][n] as SourceId]) } }),
    ),
    step('a zone added', 30, (view, n) => {
      const like = [...view.zones.values()][n * 7];
      return like === undefined
        ? view
        : reread(view, { zones: new Map([...view.zones, [(n * 20 + 2) as ZoneId, { ...like, id: (n * 20 + 2) as ZoneId }]]) });
    }),
    step('a source relabelled', 30, (view, n) => {
      const sources = new Map(view.sources);
      const one = [...sources.values()][n];
      if (one !== undefined) sources.set(one.id, { ...one, label: { ...one.label, level: 'confidential' as Level } });
      return reread(view, { sources });
    }),
    step('a policy line changed', many, (view, n) => {
      const lines = view.policy.lines.map((line) => ({ ...line, columns: [...line.columns] }));
      const at = 5 + n * 11;
      const line = lines[at];
      if (line !== undefined)
        lines[at] = { ...line, columns: line.columns.with(4, 'upto:internal').with(7, 'allow').with(6, '*').with(5, '*') };
      return reread(view, { policy: { id: `r${n}`, lines } });
    }),
  ];
}

function second(world: DecideWorld): readonly (readonly string[])[] {
  const policy = policyOf(world);
  const zones = [...world.view.zones.keys()].filter((_, i) => i % Math.floor(world.view.zones.size / 10) === 0).slice(0, 10);
  const ten = (caller: Caller): void => {
    for (const zone of zones) policy.confirm(world.view, caller, zone, 'retrieve', 'answer');
  };
  ten(somebody(world, 1));
  return [100, 1_000].flatMap((groups) => {
    const people = Array.from({ length: 20 }, () => somebody(world, groups));
    return [
      row(
        `key two, ten zones in ten sources, ${groups} groups, not seen before`,
        timed(20, (n) => people[n] ?? somebody(world, groups), ten),
      ),
      row(
        `key two, the same again, ${groups} groups`,
        timed(20, (n) => people[n] ?? somebody(world, groups), ten),
      ),
    ];
  });
}

/** `npm run bench:decide`: what a decision costs, both keys, without a service. Nothing here passes or fails. */
for (const [lines, roles] of [
  [10_000, 500],
  [100_000, 5_000],
] as const) {
  const world = decideWorld(1_000, lines, roles);
  for (const [title, rows] of [
    ['Warm', warm(world)],
    ['Cold', cold(world)],
    ['After a change', changes(world)],
    ['The second key', second(world)],
  ] as const) {
    console.log(`\n${title}: 1,000 zones, ${lines.toLocaleString('en')} policy lines\n\n${table(HEADINGS, rows)}`);
  }
}
