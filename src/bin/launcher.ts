#!/usr/bin/env node
// Starts the program, unless this Node.js is too old for it. Such a one could not even read it, so there is only syntax
// here that every Node.js has, and nothing is imported before the check. What is printed whatever the cluster and the
// environment are, such as help, was made when this was built: loading the program takes as long as Node.js itself.

import { asCalled, wordsOf } from './calledAs.ts';

/** What is printed, by the words of the command line as JSON. scripts/build.ts puts it here. */
declare const FIXED_TEXTS: Readonly<Record<string, string>>;

/** What `engines` in package.json asks for. */
const LEAST_NODE = 22;

const fixedText = FIXED_TEXTS[JSON.stringify(wordsOf(process.argv))];

if (parseInt(process.versions.node, 10) < LEAST_NODE) {
  process.stderr.write(
    'kokotap: needs Node.js ' +
      LEAST_NODE +
      ' or newer, but runs on ' +
      process.versions.node +
      ': install a newer one from https://nodejs.org/en/download\n',
  );
  process.exitCode = 1;
} else if (fixedText !== undefined) {
  process.stdout.on('error', function ({ code, message }: NodeJS.ErrnoException) {
    process.exitCode = 1;
    if (code !== 'EPIPE') process.stderr.write('kokotap: ' + message + '\n'); // else nobody reads any more
  });
  process.stdout.write(asCalled(fixedText, process.argv));
} else {
  void import('./kokotap.ts');
}
