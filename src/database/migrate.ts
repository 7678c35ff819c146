import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import type { Database, DatabaseKind, Tx } from './database.ts';
import { databaseTime } from './time.ts';

export interface Migration {
  /** `NNNN_name`, numbered from 0001 without gaps. */
  readonly name: string;
  /** Runs in one transaction, with its own record. */
  up(db: Kysely<unknown>, kind: DatabaseKind): Promise<void>;
}

type MigrationRow = { name: string; applied_at: number };
// A type, not an interface: Kysely wants an index signature here.
type MigrationTables = { schema_migrations: MigrationRow; index_migrations: MigrationRow };
/** Where is written what was applied: the derived index has migrations of its own, and on PostgreSQL lies in the same database. */
type MigrationTable = keyof MigrationTables;

const FILE = /^(\d{4}_[a-z0-9-]+)\.ts$/;
const FOLDER = new URL('../../migrations/', import.meta.url);
const INDEX_FOLDER = new URL('index/', FOLDER);
/** Any fixed number; it names the lock among all advisory locks of the database. */
const LOCK = 7_310_513_801;
const LOCK_STEP_MS = 100;
const TIMEOUT_MS = 300_000;

/**
 * Brings the database to this code's schema and returns the names applied. Safe to run from several replicas at once: each step
 * takes the lock, looks what is left, and commits one migration with its record. A crash leaves whole migrations only.
 * Rejects where the database is newer than the code or was migrated by other code.
 */
export async function migrate(database: Database, migrations?: readonly Migration[]): Promise<readonly string[]> {
  return migrateAll(database, migrations ?? (await readMigrations(FOLDER)), 'schema_migrations');
}

/** The same for the tables of the derived index of the audit log. */
export async function migrateIndex(database: Database): Promise<readonly string[]> {
  return migrateAll(database, await readMigrations(INDEX_FOLDER), 'index_migrations');
}

async function migrateAll(database: Database, known: readonly Migration[], table: MigrationTable): Promise<readonly string[]> {
  const applied: string[] = [];
  const giveUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    const step = await database.transaction((tx) => migrateOnce(tx, database.kind, known, table), { timeoutMs: TIMEOUT_MS });
    if (step.kind === 'done') return applied;
    if (step.kind === 'applied') applied.push(step.name);
    if (step.kind === 'locked') await sleep(LOCK_STEP_MS);
    if (performance.now() > giveUpAt) throw new Error('another process holds the migration lock of this database');
  }
}

type Step = { readonly kind: 'done' | 'locked' } | { readonly kind: 'applied'; readonly name: string };

async function migrateOnce(schemaTx: Tx, kind: DatabaseKind, known: readonly Migration[], table: MigrationTable): Promise<Step> {
  const tx = schemaTx.$extendTables<MigrationTables>();
  // On SQLite the transaction itself is the lock.
  if (kind === 'postgres') {
    const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_xact_lock(${LOCK}) as held`.execute(tx);
    if (rows[0]?.held !== true) return { kind: 'locked' };
    await sql`set local statement_timeout = ${sql.lit(TIMEOUT_MS)}`.execute(tx);
  }
  await tx.schema
    .createTable(table)
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('applied_at', 'bigint', (column) => column.notNull())
    .execute();
  const rows = await tx.selectFrom(table).select('name').orderBy('name').execute();
  const next = nextMigration(
    rows.map((row) => row.name),
    known,
  );
  if (next === undefined) return { kind: 'done' };
  await next.up(tx as unknown as Kysely<unknown>, kind);
  await tx
    .insertInto(table)
    .values({ name: next.name, applied_at: databaseTime(kind) })
    .execute();
  return { kind: 'applied', name: next.name };
}

/** What was applied must be the beginning of what is known, name by name. */
function nextMigration(applied: readonly string[], known: readonly Migration[]): Migration | undefined {
  for (const [position, name] of applied.entries()) {
    const expected = known[position];
    if (expected === undefined) {
      const last = known.at(-1)?.name ?? 'none';
      throw new Error(
        `the database is newer than this code: it has migration ${name}, this code ends with ${last}. Run the newer release.`,
      );
    }
    if (expected.name !== name) {
      throw new Error(`the database was migrated by other code: it has ${name} where this code has ${expected.name}`);
    }
  }
  return known[applied.length];
}

/** Reads a folder of migrations in order. Rejects on a gap, a doubled number or a file that is none. */
export async function readMigrations(folder: URL): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts')).sort();
  return Promise.all(
    files.map(async (file, position) => {
      const name = FILE.exec(file)?.[1];
      if (name === undefined || Number(name.slice(0, 4)) !== position + 1) {
        throw new Error(`migrations are named NNNN_name.ts and numbered without gaps; ${file} is not number ${position + 1}`);
      }
      const module: unknown = await import(new URL(file, folder).href);
      if (!hasUp(module)) throw new Error(`migration ${file} exports no function up`);
      return { name, up: module.up };
    }),
  );
}

function hasUp(module: unknown): module is Pick<Migration, 'up'> {
  return typeof module === 'object' && module !== null && 'up' in module && typeof module.up === 'function';
}
