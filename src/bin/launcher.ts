#!/usr/bin/env node
// Starts the program, unless this Node.js is too old for it. Such a one could not even read it, so there is only syntax
// here that every Node.js has, and nothing is imported before the check.

/** What `engines` in package.json asks for. */
const LEAST_NODE = 22;

if (parseInt(process.versions.node, 10) < LEAST_NODE) {
  process.stderr.write(
    'kokotap: needs Node.js ' +
      LEAST_NODE +
      ' or newer, but runs on ' +
      process.versions.node +
      ': install a newer one from https://nodejs.org/en/download\n',
  );
  process.exitCode = 1;
} else {
  void import('./kokotap.ts');
}
