// The floors of the house (docs/architecture.md): imports run downwards only. Types count as imports.
// Read by scripts/floors.ts; swc parses, since TypeScript 7 has no interface that dependency-cruiser can use.

/** Tests, and what only tests use beside them. */
const TESTS = '\\.test\\.ts$|\\.fixture\\.ts$';
/** The only place that constructs, and the only reader of the environment. */
const ROOF = '^src/(main\\.ts$|service/|config\\.ts$|config/)';
const FLOOR_1 = ['identity', 'policy', 'catalog', 'vectors', 'embedding', 'audit', 'provenance', 'signing', 'telemetry'];
const FLOOR_2 = ['retrieval', 'ingestion', 'administration', 'evidence'];
const DOORS = ['http', 'qdrant', 'mcp', 'cli'];
/** What doors on HTTP share; a door of no protocol. */
const ENTRANCE = 'src/doors/entrance/';
/** Directories whose files are ours; anything else is a package or Node itself. */
const OURS = '^(src|connectors|migrations|policies|bin|scripts|test|bench|demo|examples)/';

/**
 * A room, and what of ours it may import besides itself.
 * @param {string} name
 * @param {string} path
 * @param {readonly string[]} allowed
 * @param {string} comment
 */
const room = (name, path, allowed, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: `^${path}`, pathNot: TESTS },
  to: { path: OURS, pathNot: [path, ...allowed].map((other) => `^${other}`) },
});

const PORTS = 'What it needs of another room is a port in src/core/ports, handed over by src/service/.';

const rooms = [
  room('core-stands-alone', 'src/core/', [], 'Floor 0 knows nothing of the rest.'),
  room('migrations-know-core-only', 'migrations/', ['src/core/'], 'A migration must mean the same for ever; rooms change.'),
  room('database-below-its-users', 'src/database/', ['src/core/', 'migrations/'], 'It opens and migrates; it knows no tables by meaning.'),
  ...FLOOR_1.map((name) =>
    room(`floor-1-${name}`, `src/${name}/`, ['src/core/', ...(['catalog', 'audit'].includes(name) ? ['src/database/'] : [])], PORTS),
  ),
  ...FLOOR_2.map((name) => room(`floor-2-${name}`, `src/${name}/`, ['src/core/'], PORTS)),
  ...DOORS.map((name) =>
    room(
      `door-${name}`,
      `src/doors/${name}/`,
      ['src/core/', ENTRANCE, ...FLOOR_2.map((floor) => `src/${floor}/`), 'src/telemetry/telemetry\\.ts$'],
      'A door speaks a protocol and decides nothing.',
    ),
  ),
  room(
    'entrance-knows-no-protocol',
    ENTRANCE,
    ['src/core/', 'src/telemetry/telemetry\\.ts$'],
    'Tokens, limits and sockets, whatever is spoken.',
  ),
  room('connectors-know-core-only', 'connectors/', ['src/core/'], 'A new kind of source is a file here and changes nothing else.'),
  room('config-knows-core-only', 'src/config(/|\\.ts$)', ['src/core/'], 'It reads the environment and constructs nothing.'),
];

const edges = [
  {
    name: 'core-is-pure',
    severity: 'error',
    comment: 'Pure types and functions: no packages, and of Node only hashing and bytes.',
    from: { path: '^src/core/', pathNot: TESTS },
    to: { pathNot: ['^src/core/', '^(node:)?(crypto|buffer)$'] },
  },
  {
    name: 'every-place-has-its-floor',
    severity: 'error',
    comment: 'A new directory in src/ needs a rule here first.',
    from: {
      path: '^src/',
      pathNot: `^src/(core|database|${[...FLOOR_1, ...FLOOR_2].join('|')}|doors/(entrance|${DOORS.join('|')}))/|${ROOF}|${TESTS}`,
    },
    to: {},
  },
  {
    name: 'doors-are-handed-telemetry',
    severity: 'error',
    comment: 'They know its type; the roof makes it.',
    from: { path: '^src/doors/', pathNot: TESTS },
    to: { path: '^src/telemetry/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'roof-is-not-imported',
    severity: 'error',
    comment: 'Only bin/ starts the house, and only the roof reads the configuration.',
    from: { path: '^(src|connectors|migrations)/', pathNot: [TESTS, ROOF] },
    to: { path: ROOF },
  },
  {
    name: 'no-tests-in-production',
    severity: 'error',
    comment: 'Tests and benchmarks are not shipped.',
    from: { path: '^(src|connectors|migrations|bin)/', pathNot: TESTS },
    to: { path: ['^(test|bench|scripts/.*\\.ts)', TESTS] },
  },
  {
    name: 'no-development-packages-in-production',
    severity: 'error',
    comment: 'The production image has runtime dependencies only; an import of another one fails there alone.',
    from: { path: '^(src|connectors|migrations|bin)/', pathNot: [TESTS, '^src/identity/dev-issuer/'] },
    to: {
      dependencyTypes: ['npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown'],
      dependencyTypesNot: ['npm'],
      pathNot: 'node_modules/@types/',
    },
  },
  {
    name: 'dev-issuer-loads-late',
    severity: 'error',
    comment: 'oidc-provider is absent in production, so only a dynamic import may name it, and no other development package.',
    from: { path: '^src/identity/dev-issuer/', pathNot: TESTS },
    to: { dependencyTypes: ['npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown'], dynamic: false },
  },
  {
    name: 'dev-issuer-needs-one-package',
    severity: 'error',
    from: { path: '^src/identity/dev-issuer/', pathNot: TESTS },
    to: { dependencyTypes: ['npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown'], pathNot: 'node_modules/oidc-provider/' },
  },
  { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
  { name: 'everything-resolves', severity: 'error', from: { path: '^(src|connectors|migrations|bin)/' }, to: { couldNotResolve: true } },
];

export default {
  forbidden: [...rooms, ...edges],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
