import path from 'node:path';

const FOLDER = path.resolve(import.meta.dirname, '../../nodes/node_modules');

/** The least Node.js that package.json names, in its first release. */
export const LEAST_NODE = node('node-22');

/** Node.js of other ages, by their versions: the last one before it, and one from before ES modules. */
export const OLDER_NODES = { '21.7.3': node('node-21'), '10.24.1': node('node-10') };

function node(name: string): string {
  return path.join(FOLDER, name, 'bin/node');
}
