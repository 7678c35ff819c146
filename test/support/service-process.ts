// A process to be killed: runs the whole service as told by one JSON argument and prints its address as one line.
import { flushCompileCache } from 'node:module';
import { launchService, type LaunchOptions } from './service.ts';

// Whoever started it holds the other end; when they are gone, however they ended, so is this.
process.stdin.resume().once('end', () => process.exit(1));
const { service } = await launchService(JSON.parse(process.argv[2] ?? '') as LaunchOptions);
process.stdout.write(`${service.url}\n`);
// At its end would be too late: it is killed.
flushCompileCache();
