import type { Classifier, Filter, FilterAction, Hook } from '#src/tap/state.ts';
import { attributesOf, listAttributes, type Message, textOf } from './netlink.ts';

/** A filter with what is counted of it. */
export type CountedFilter = Filter & {
  /** What it has copied so far; zero for one that copies nothing. */
  readonly packets: number;
};

export interface CountedClassifier extends Classifier {
  readonly filters: readonly CountedFilter[];
  /**
   * What came by those of its hooks that have filters so far; one that the kernel cuts into segments later counts as so
   * many.
   */
  readonly packets: number;
}

/** Attributes of qdiscs, filters and actions: TCA_... of linux/rtnetlink.h, linux/pkt_cls.h and linux/gen_stats.h. */
const tca = { kind: 1, options: 2, statistics: 7 } as const;
const stats = { basic: 1, packets64: 8 } as const;
const bpf = { actions: 1, instructions: 5, name: 7, flags: 8, id: 11, isDirect: 1 } as const;
const act = { kind: 1, options: 2, statistics: 4 } as const;
const mirred = { parameters: 2, egressMirror: 2, ingressRedirect: 3, goOn: -1, stolen: 4 } as const;

const headLength = 20; // struct tcmsg

/** A device with a qdisc, by the kernel's number. */
export function deviceOf({ body }: Message): number {
  return body.readInt32LE(4);
}

/** What the qdiscs of one interface are, by its messages of type RTM_NEWQDISC. */
export function classifierOf(
  qdiscs: readonly Message[],
): Pick<CountedClassifier, 'qdisc' | 'blackhole' | 'packets'> {
  const all = qdiscs.map(({ body }) => attributesOf(body.subarray(headLength)));
  const found = all.find((each) => isClassifying(kindOf(each)));
  const blackhole = all.some((each) => kindOf(each) === 'blackhole');
  if (found === undefined) return { qdisc: 'none', blackhole, packets: 0 };
  const qdisc = kindOf(found) === 'clsact' ? 'clsact' : 'ingress';
  return { qdisc, blackhole, packets: packetsOf(found.get(tca.statistics)) };
}

/**
 * The filters in messages of type RTM_NEWTFILTER.
 *
 * @param nameOf the device of a number
 */
export function parseFilters(
  messages: readonly Message[],
  hook: Hook,
  nameOf: (index: number) => string | undefined,
): CountedFilter[] {
  return messages.flatMap(({ body }) => {
    const found = attributesOf(body.subarray(headLength));
    const options = found.get(tca.options);
    if (options === undefined) return []; // what filters of one preference have in common
    const kind = kindOf(found) ?? '';
    const filter = { hook, preference: body.readUInt32LE(16) >>> 16, kind, packets: 0 };
    if (kind !== 'bpf') return [filter];
    return [{ ...filter, handle: body.readUInt32LE(8), ...parseOptions(attributesOf(options), nameOf) }];
  });
}

type Attributes = ReadonlyMap<number, Buffer>;

function kindOf(attributes: Attributes): string | undefined {
  return textOf(attributes.get(tca.kind));
}

function isClassifying(kind: string | undefined): boolean {
  return kind === 'clsact' || kind === 'ingress';
}

function parseOptions(
  options: Attributes,
  nameOf: (index: number) => string | undefined,
): Pick<CountedFilter, 'program' | 'action' | 'packets' | 'programId'> {
  const instructions = options.get(bpf.instructions);
  const actions = listAttributes(options.get(bpf.actions) ?? Buffer.alloc(0));
  const copy = actions.length === 1 ? actions[0] : undefined;
  const isDirect = ((options.get(bpf.flags)?.readUInt32LE() ?? 0) & bpf.isDirect) !== 0;
  const found = attributesOf(copy?.[1]);
  return {
    program: instructions === undefined ? textOf(options.get(bpf.name)) : classicText(instructions),
    action: isDirect ? 'direct' : actionOf(found, nameOf),
    packets: packetsOf(found.get(act.statistics)),
    programId: options.get(bpf.id)?.readUInt32LE(),
  };
}

/** Classic BPF in tc's notation. */
function classicText(instructions: Buffer): string {
  const count = instructions.length / 8;
  const texts = Array.from({ length: count }, (_, at) => {
    const [code, place] = [instructions.readUInt16LE(8 * at), 8 * at];
    return `${code} ${instructions[place + 2]} ${instructions[place + 3]} ${instructions.readUInt32LE(place + 4)}`;
  });
  return [count, ...texts].join(',');
}

/**
 * Our kinds of action: copy to a device and go on with the other filters, or hand over to the ingress of a device. Anything
 * else is none of ours.
 */
function actionOf(
  found: Attributes,
  nameOf: (index: number) => string | undefined,
): FilterAction | undefined {
  if (textOf(found.get(act.kind)) !== 'mirred') return undefined;
  // struct tc_mirred: index, capabilities, verdict, two counts of references, what it does, the device
  const parameters = attributesOf(found.get(act.options)).get(mirred.parameters);
  if (parameters === undefined) return undefined;
  const [verdict, does, index] = [
    parameters.readInt32LE(8),
    parameters.readInt32LE(20),
    parameters.readUInt32LE(24),
  ];
  const device = index === 0 ? goneDevice : (nameOf(index) ?? `if${index}`);
  if (does === mirred.egressMirror && verdict === mirred.goOn) return { copyTo: device };
  if (does === mirred.ingressRedirect && verdict === mirred.stolen) return { redirectTo: device };
  return undefined;
}

/** As tc calls it. */
const goneDevice = '*';

/** Of TCA_STATS2: the 64 bits are there where 32 are too few. */
function packetsOf(statistics: Buffer | undefined): number {
  const found = attributesOf(statistics);
  const whole = found.get(stats.packets64);
  if (whole !== undefined) return Number(whole.readBigUInt64LE());
  return found.get(stats.basic)?.readUInt32LE(8) ?? 0;
}
