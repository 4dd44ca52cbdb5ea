import { expect, test } from 'vitest';
import { inOwnWords } from '#src/cli/create/inOwnWords.ts';

test.each([
  ['name another --dest-node, or capture', 'name another --to=node/…, or capture'],
  ['give --dest-node=node-a instead', 'give --to=node/node-a instead'],
  ['--dest-ip "192.0.2.1" is the address', '--to=ip/192.0.2.1 is the address'],
  ['--dest-pod and --pod both name "web"', '--to=pod/… and the target both name "web"'],
  ['--pod-ifname and --dest-address stay', '--pod-ifname and --dest-address stay'],
])('%s', (message, own) => {
  expect(inOwnWords(message)).toBe(own);
});
