import { createWriteStream, fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

const STDOUT = 1;

/**
 * Standard output that never makes the program stand still: Node.js waits in a write to a pipe until all of it is taken, and
 * nothing else happens meanwhile.
 */
export function openStdout(): Writable & { readonly isTTY?: boolean | undefined } {
  const stat = fstatSync(STDOUT);
  if (stat.isFIFO() || stat.isSocket()) return new Socket({ fd: STDOUT, readable: false, writable: true });
  if (stat.isFile()) return createWriteStream('', { fd: STDOUT });
  return process.stdout;
}
