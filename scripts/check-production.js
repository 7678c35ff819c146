// Installs what the production image installs, into a temporary directory, and checks what is there, what is not, and that
// the program starts from it. A development package that production needs would otherwise be missed only there.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const tree = mkdtempSync(join(tmpdir(), 'production-'));
// As in .dockerignore.
const LEFT_OUT = /\.test\.ts$|fixture\.ts$/;
const SHIPPED = ['package.json', 'package-lock.json', 'bin', 'src', 'migrations', 'connectors', 'policies', 'scripts/node-version.js'];

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Record<string, string>} [env]
 */
function run(command, args, env = {}) {
  const result = spawnSync(command, [...args], { cwd: tree, encoding: 'utf8', timeout: 150_000, env: { ...process.env, ...env } });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${result.status}\n${result.stdout}${result.stderr}`);
}

try {
  for (const part of SHIPPED) cpSync(join(root, part), join(tree, part), { recursive: true, filter: (path) => !LEFT_OUT.test(path) });
  run('npm', ['ci', '--omit=dev', '--omit=optional', '--no-audit', '--no-fund', '--prefer-offline']);

  // As in the Dockerfile: a peer of the Qdrant client, for its types.
  rmSync(join(tree, 'node_modules/typescript'), { recursive: true, force: true });

  const { dependencies, devDependencies, optionalDependencies } = /** @type {Record<string, Record<string, string>>} */ (
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  );
  /** @param {string} name */
  const installed = (name) => existsSync(join(tree, 'node_modules', name));
  const missing = Object.keys(dependencies ?? {}).filter((name) => !installed(name));
  // Types may come along with a runtime package; programs may not.
  const unwanted = Object.keys({ ...devDependencies, ...optionalDependencies }).filter(
    (name) => !name.startsWith('@types/') && installed(name),
  );
  if (missing.length > 0) throw new Error(`not installed for production: ${missing.join(', ')}`);
  if (unwanted.length > 0) throw new Error(`installed for production: ${unwanted.join(', ')}`);

  // Without the bundled Node, so under the one that runs this script, which npm scripts find to be 24.
  const modules = ['src', 'connectors', 'migrations'].flatMap((place) =>
    readdirSync(join(tree, place), { recursive: true, encoding: 'utf8' }).flatMap((name) =>
      name.endsWith('.ts') ? [`./${place}/${name}`] : [],
    ),
  );
  run(process.execPath, ['--input-type=module', '-e', 'for (const name of process.argv.slice(1)) await import(name)', '--', ...modules]);
  run(process.execPath, ['bin/sluice.js', 'config', 'check'], {
    OIDC_ISSUER: 'https://id.example.com',
    OIDC_AUDIENCE: 'sluice',
    SLUICE_TENANT: 'acme',
  });
  console.log('production dependencies are whole, and nothing else is there');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(tree, { recursive: true, force: true });
}
