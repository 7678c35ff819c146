// Stops a script before Node fails on its first .ts file with ERR_UNKNOWN_FILE_EXTENSION, which says nothing of the cause.
import { missingNode, runsTypeScript } from './node-version.js';

if (!runsTypeScript(process.versions.node)) {
  console.error(missingNode());
  process.exit(2);
}
