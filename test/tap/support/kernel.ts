import type { Classifier, Filter, Link, Observed, Step } from '#src/tap/state.ts';
import { eth0, none } from './ends.ts';

/** What a kernel makes of the steps; it refuses what a kernel refuses. */
export function applyAll(before: Observed, steps: readonly Step[]): Observed {
  return steps.reduce(applyOne, before);
}

function applyOne(state: Observed, step: Step): Observed {
  const link = state.links.find(({ name }) => name === step.link);
  const others = state.links.filter(({ name }) => name !== step.link);
  const classifier = state.classifiers[step.link] ?? none;
  const withLink = (changes: Partial<Link>): Observed => {
    if (link === undefined) throw new Error(`no link for ${step.do}`);
    return { ...state, links: [...others, { ...link, ...changes }] };
  };
  const withClassifier = (changed: Classifier): Observed => {
    if (link === undefined) throw new Error(`no link for ${step.do}`);
    return { ...state, classifiers: { ...state.classifiers, [step.link]: changed } };
  };
  switch (step.do) {
    case 'add ifb':
      if (link !== undefined) throw new Error('File exists');
      return {
        ...state,
        links: [...others, { ...eth0, name: step.link, kind: 'ifb', mac: step.mac, up: false }],
        classifiers: { ...state.classifiers, [step.link]: none },
      };
    case 'add vxlan':
    case 'add macvlan':
    case 'add veth pair': {
      if (link !== undefined) throw new Error('File exists');
      const kind = kinds[step.do];
      const made: Link = { ...eth0, name: step.link, kind, mac: step.mac, up: false, vxlan: undefined };
      const own =
        step.do === 'add vxlan'
          ? { vxlan: step.vxlan }
          : step.do === 'add veth pair'
            ? { mtuBytes: step.mtuBytes }
            : {};
      return {
        ...state,
        merging: true,
        unfinished: true,
        links: [...others, { ...made, ...own }],
        classifiers: { ...state.classifiers, [step.link]: none },
      };
    }
    case 'delete link': {
      if (link === undefined) throw new Error('no such device');
      const { [step.link]: _, ...rest } = state.classifiers;
      return { ...state, links: others, classifiers: rest };
    }
    case 'set alias':
      return withLink({ alias: step.alias });
    case 'silence':
      return withLink({ silent: true });
    case 'stop merging':
      return { ...withLink({}), merging: false };
    case 'finish packets':
      return { ...withLink({}), unfinished: false };
    case 'set mtu of other half':
      return state;
    case 'set mtu':
      return withLink({ mtuBytes: step.mtuBytes });
    case 'set up':
      return withLink({ up: true });
    case 'add clsact':
      if (classifier.qdisc !== 'none') throw new Error('File exists');
      return {
        ...withClassifier({ ...classifier, qdisc: 'clsact', filters: [] }),
        links: [...others, { ...eth0, ...link, hasQueue: true }],
      };
    case 'add blackhole':
      return withClassifier({ ...classifier, blackhole: true });
    case 'delete clsact':
      if (classifier.qdisc !== 'clsact') throw new Error('no such qdisc');
      return withClassifier(none);
    case 'remove queue':
      return withLink({ hasQueue: false });
    case 'replace filter': {
      const rest = classifier.filters.filter((filter) => key(filter) !== key(step.filter));
      if (rest.length !== classifier.filters.length - 1) throw new Error('no such filter');
      return withClassifier({ ...classifier, filters: [...rest, { ...step.filter, kind: 'bpf' }] });
    }
    case 'add filter': {
      const clash = classifier.filters.some((filter) => key(filter) === key(step.filter));
      if (classifier.qdisc === 'none' || clash) throw new Error('File exists');
      const filter: Filter = { ...step.filter, kind: 'bpf' };
      return withClassifier({ ...classifier, filters: [...classifier.filters, filter] });
    }
    case 'delete filter': {
      const rest = classifier.filters.filter((filter) => key(filter) !== key(step));
      if (rest.length !== classifier.filters.length - 1) throw new Error('no such filter');
      return withClassifier({ ...classifier, filters: rest });
    }
  }
}

const kinds = { 'add vxlan': 'vxlan', 'add macvlan': 'macvlan', 'add veth pair': 'veth' } as const;

/** What no two filters of an interface share. */
export function key({ hook, handle, preference }: Pick<Filter, 'hook' | 'handle' | 'preference'>): string {
  return `${hook} ${preference} ${handle ?? 0}`;
}
