import { nodes, runtimeOf } from './support/lab.ts';
import { test } from './support/sandbox.ts';
import { expectTapped } from './support/tapped.ts';

/** Every way from one runtime to another, or to itself, on one node and across. */
const ways = nodes
  .flatMap((from) =>
    nodes.map((to) => ({ from, to, way: `${runtimeOf(from)} to ${runtimeOf(to)}`, same: from === to })),
  )
  .filter(
    ({ way, same }, index, all) => all.findIndex((each) => each.way === way && each.same === same) === index,
  );

test.for(ways)('$way ($from to $to)', async ({ from, to }, { sandbox }) => {
  await expectTapped(sandbox, [await sandbox.startPod({ name: 'web', node: from })], to);
});
