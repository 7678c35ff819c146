#!/usr/bin/env node
// Plain JavaScript that old versions of Node parse: it finds a Node that runs TypeScript, then hands over to the command line.
import { spawn } from 'node:child_process';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundledNode, missingNode, runsTypeScript } from '../scripts/node-version.js';

/** @param {string} node */
function runUnder(node) {
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'])) {
    process.on(signal, () => {
      // Ctrl-C on a terminal reaches the whole process group; passing it on would deliver it twice.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.once('error', (error) => {
    console.error(`sluice: ${node} does not start: ${error.message}`);
    process.exit(2);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // End the same way, so that whoever started us sees the signal and not a number.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (runsTypeScript(process.versions.node)) {
  // Compiled code is kept beside the installation, so that later starts neither strip types nor compile again. Never in a
  // directory that others can write to: what is cached is run. Where it cannot be written, every start is like the first.
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/sluice/', import.meta.url)));
  const { run } = await import('../src/main.ts');
  process.exit(await run(process.argv.slice(2)));
} else {
  const node = bundledNode();
  if (node === undefined) {
    console.error(missingNode());
    process.exit(2);
  }
  runUnder(node);
}
