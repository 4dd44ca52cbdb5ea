import type { Hook } from '#src/tap/state.ts';
import { readLink } from './links.ts';
import { askNetlink, type Message, protocols, type Request } from './netlink.ts';
import type { Visited } from './netns.ts';
import { classifierOf, type CountedClassifier, deviceOf, parseFilters } from './tcMessages.ts';

/** A device by its name and the kernel's number of it. */
export interface Numbered {
  readonly name: string;
  readonly index: number;
}

/**
 * What classifies the packets of interfaces, by name. Those that are not there are left out.
 *
 * @param links all devices of the namespace, as they were just listed
 * @param ifnames those of them that are asked for
 * @throws {CommandError}
 */
export async function readClassifiers(
  netns: Visited,
  links: readonly Numbered[],
  ifnames: Iterable<string>,
): Promise<ReadonlyMap<string, CountedClassifier>> {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const wanted = new Set(ifnames);
  const asked = links.filter(({ name }) => wanted.has(name));
  const requests = asked.flatMap(({ index }) => hooks.map((hook) => filterRequest(index, hook)));
  // The kernel lists those of all devices each time.
  const ofAll = asked.length > fewDevices ? [qdiscRequest(0)] : asked.map(({ index }) => qdiscRequest(index));
  const answers = await askNetlink(netns, protocols.route, [...requests, ...ofAll]);
  const filters = answers.slice(0, requests.length);
  const qdiscs = Map.groupBy(answers.slice(requests.length).flat(), deviceOf);
  return new Map(
    asked.map(({ name, index }, at) => {
      const classifier = classifierOf(qdiscs.get(index) ?? []);
      // An ingress qdisc has no egress: asked for that it shows the same filters.
      const shown = classifier.qdisc === 'ingress' ? hooks.slice(0, 1) : hooks;
      const all = shown.flatMap((hook, which) =>
        parseFilters(filters[hooks.length * at + which] ?? [], hook, (number) => names.get(number)),
      );
      return [name, { ...classifier, filters: all }];
    }),
  );
}

/** What came by the hooks of an interface so far: see {@link CountedClassifier.packets}. @throws {CommandError} */
export async function readClassified(netns: Visited, ifname: string): Promise<number> {
  const { index } = await readLink(netns, ifname);
  return classifierOf(await ask(netns, qdiscRequest(index))).packets;
}

/**
 * The kernel's number of the eBPF program at a preference of a hook, if there is one.
 *
 * @throws {CommandError}
 */
export async function findProgram(
  netns: Visited,
  ifname: string,
  hook: Hook,
  preference: number,
): Promise<number | undefined> {
  const { index } = await readLink(netns, ifname);
  const filters = parseFilters(await ask(netns, filterRequest(index, hook)), hook, () => undefined);
  return filters.find((each) => each.preference === preference && each.programId !== undefined)?.programId;
}

async function ask(netns: Visited, request: Request): Promise<readonly Message[]> {
  const [answer = []] = await askNetlink(netns, protocols.route, [request]);
  return answer;
}

const hooks: readonly Hook[] = ['ingress', 'egress'];
const fewDevices = 3;

const types = { qdisc: 38, filter: 46 } as const; // RTM_GETQDISC, RTM_GETTFILTER
/** Where filters of clsact are: TC_H_CLSACT with TC_H_MIN_INGRESS or TC_H_MIN_EGRESS. */
const parents: Readonly<Record<Hook, number>> = { ingress: 0xffff_fff2, egress: 0xffff_fff3 };

/** @param index of one device; 0: all */
function qdiscRequest(index: number): Request {
  const body = Buffer.alloc(20); // struct tcmsg
  body.writeInt32LE(index, 4);
  return { type: types.qdisc, isDump: true, body };
}

function filterRequest(index: number, hook: Hook): Request {
  const body = Buffer.alloc(20); // struct tcmsg
  body.writeInt32LE(index, 4);
  body.writeUInt32LE(parents[hook], 12);
  return { type: types.filter, isDump: true, body };
}
