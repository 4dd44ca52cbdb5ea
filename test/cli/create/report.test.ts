import { expect, test } from 'vitest';
import type { PlannedTap } from '#src/cli/create/plan.ts';
import { advice, report } from '#src/cli/create/report.ts';
import { tapSchema } from '#src/spec/tap.ts';

function planned(id: string, pod: string, destination: string): PlannedTap {
  const tap = tapSchema.parse({ pod, namespace: 'shop', destination: { node: 'node-b' } });
  return { id, tap, target: `shop/${pod}`, destination, vni: 7, pods: [] };
}

test('taps of one node are read at one place', () => {
  const taps = [planned('a', 'web', 'node/node-b'), planned('b', 'api', 'node/node-b')];
  expect(report(taps, 'created') + advice(taps, 'kokotap')).toBe(`tap/a created: shop/web to node/node-b
tap/b created: shop/api to node/node-b

To read the copies:
  on node node-b: tcpdump -ni mirror
  from here: kokotap capture tap/a tap/b
To remove what was made:
  kokotap delete -n kokotap tap/a tap/b
`);
});

test.each([
  ['pod/tools/suricata', 'in pod suricata of namespace tools: interface mirror'],
  [
    'ip/192.0.2.9',
    'at 192.0.2.9: VXLAN with VNI 7 at UDP port 4789 for shop/web; README says how to make its end',
  ],
])('copies to %s', (destination, line) => {
  expect(advice([planned('a', 'web', destination)], 'shop')).toBe(
    `\nTo read the copies:\n  ${line}\nTo remove what was made:\n  kokotap delete -n shop tap/a\n`,
  );
});
