import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A Python program with both ends of a flow. */
export const flowProgram = readFileSync(path.resolve('test/cluster/support/flow.py'), 'utf8');
export const flowPort = 9000;
