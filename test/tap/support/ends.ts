import { dropUnless, matchAll } from '#src/filter/bpf.ts';
import { macOf } from '#src/tap/ownership/mark.ts';
import type { Classifier, Copies, Link, Observed, OurFilter, Step, Desired } from '#src/tap/state.ts';

export const id = 'aabbccddeeff';
export const deadTap = '112233445566';
export const vxlan = { vni: 100, port: 4789, local: '192.0.2.1', remote: '192.0.2.2', udpChecksum: false };
export const none: Classifier = { qdisc: 'none', filters: [] };

export const copies: Copies = {
  from: ['eth0'],
  hooks: ['ingress', 'egress'],
  matching: matchAll,
  dropping: dropUnless(matchAll),
};

export const sender: Desired = {
  id,
  role: 'sender',
  ifname: 'mirror',
  mac: macOf(id, 'sender'),
  device: { kind: 'vxlan', ...vxlan },
  mtuBytes: undefined,
  object: 'copy.o',
  needsObject: false,
  copies,
  ownQdiscs: new Set(),
};
export const receiver: Desired = {
  ...sender,
  role: 'receiver',
  mac: macOf(id, 'receiver'),
  mtuBytes: 1450,
  object: undefined,
  copies: undefined,
};
export const eth0: Link = {
  name: 'eth0',
  kind: 'veth',
  type: 'ether',
  mac: '0a:00:00:00:00:01',
  alias: '',
  up: true,
  carrier: true,
  silent: false,
  mtuBytes: 1500,
  hasQueue: true,
};

export const net1: Link = { ...eth0, name: 'net1', mac: '0a:00:00:00:00:02' };
export const lo: Link = {
  ...eth0,
  name: 'lo',
  kind: '',
  type: 'loopback',
  mac: '00:00:00:00:00:00',
  mtuBytes: 65_536,
};

/** The target's network namespace before the tap. */
export const bare: Observed = { links: [eth0], classifiers: { eth0: none }, liveTaps: new Set() };

/** The filters that the steps add to an interface. */
export function addedFilters(steps: readonly Step[], link: string): OurFilter[] {
  return steps.flatMap((step) => (step.do === 'add filter' && step.link === link ? [step.filter] : []));
}
