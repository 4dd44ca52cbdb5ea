import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { Flow, flowNumbers, numbersFrom } from './support/flow.ts';
import { nextTo, nodes, runtimeOf } from './support/lab.ts';
import { snapshot } from './support/pod.ts';
import { test } from './support/sandbox.ts';

/** Every way from one runtime to another, or to itself, on one node and across. */
const ways = nodes
  .flatMap((from) =>
    nodes.map((to) => ({ from, to, way: `${runtimeOf(from)} to ${runtimeOf(to)}`, same: from === to })),
  )
  .filter(
    ({ way, same }, index, all) => all.findIndex((each) => each.way === way && each.same === same) === index,
  );

const count = 100;

test.for(ways)('$way ($from to $to)', async ({ from, to }, { sandbox }) => {
  const [web, peer] = await Promise.all([
    sandbox.startPod({ name: 'web', node: from }),
    sandbox.startPod({ name: 'peer', node: nextTo(from) }),
  ]);
  const before = await snapshot(web);
  const args = ['--pod=web', `--dest-node=${to}`];
  await sandbox.tap(...args);
  const packets = await captureOnNode(to, 'mirror', async () => {
    expect(await Flow.send(peer, web, count)).toEqual({ sent: count, duplicates: 0, gaps: [] });
  });
  const [here, there] = await Promise.all([web.address(), peer.address()]);
  expect(flowNumbers(packets, there, here)).toEqual(numbersFrom(0, count));
  expect(flowNumbers(packets, here, there)).toEqual(numbersFrom(0, count));
  await sandbox.untap(...args);
  expect(await snapshot(web)).toEqual(before);
});
