import { expect, test } from 'vitest';
import type { PlannedTap } from '#src/cli/create/plan.ts';
import { advice, report } from '#src/cli/create/report.ts';

function planned(pods: readonly string[], destination: string): PlannedTap {
  const targets = pods.map((pod, index) => ({ name: `pod/shop/${pod}`, vni: 7 + index }));
  return { id: 'a', mirrorInterface: 'mirror', vxlanPort: 4789, targets, destination, pods: [] };
}

test('a tap of one target', () => {
  expect(report(planned(['web'], 'node/node-b'), 'created')).toBe(
    'tap/a created: pod/shop/web to node/node-b\n',
  );
});

test('a tap of several targets is read at one place', () => {
  const tap = planned(['web', 'api'], 'node/node-b');
  expect(report(tap, 'created') + advice(tap, 'kokotap')).toBe(`tap/a created: 2 targets to node/node-b
  pod/shop/web
  pod/shop/api

To read the copies:
  on node node-b: tcpdump -ni mirror
  from here: kokotap capture tap/a
To remove what was made:
  kokotap delete -n kokotap tap/a
`);
});

test.each([
  ['pod/tools/suricata', ['in pod suricata of namespace tools: interface mirror']],
  [
    'ip/192.0.2.9',
    [
      'at 192.0.2.9: VXLAN with VNI 7 at UDP port 4789 for pod/shop/web; README says how to make its end',
      'at 192.0.2.9: VXLAN with VNI 8 at UDP port 4789 for pod/shop/api; README says how to make its end',
    ],
  ],
])('copies to %s', (destination, lines) => {
  expect(advice(planned(['web', 'api'], destination), 'shop')).toBe(
    `\nTo read the copies:\n${lines.map((line) => `  ${line}\n`).join('')}To remove what was made:\n  kokotap delete -n shop tap/a\n`,
  );
});
