import * as z from 'zod/mini';

const count = (sentence: string) => z.optional(z.int().check(z.minimum(0), z.describe(sentence)));
const text = (sentence: string) => z.optional(z.string().check(z.describe(sentence)));

const direction = z.strictObject({
  seenPackets: count('Passed the target interfaces.'),
  notMatchingPackets: count('Left out by the filter.'),
  sampledOutPackets: count('Of conversations that the sample leaves out.'),
  shedPackets: count('Beyond the rate.'),
  unfitPackets: count('Too large for the underlay, and not to be cut.'),
  copiedPackets: count('Copied.'),
  copiedBytes: count('Of the copies while they were whole, with their Ethernet headers.'),
});

const endpoint = z.strictObject({
  id: text('By which its node knows it: in marks, metrics and logs. Absent where the agent cannot be asked.'),
  target: text('Absent where the agent cannot be asked.'),
  role: z.string().check(z.describe('sender or receiver')),
  pod: z.string(),
  node: z.string(),
  state: text('As docs/architecture.md has the states; absent where the agent cannot be asked.'),
  reason: text('Why it is so, or why the agent cannot be asked.'),
  warning: text('What people should know though the state is good.'),
});

const item = z.strictObject({
  namespace: z.string().check(z.describe("Of the tap's pods.")),
  id: z.string(),
  targets: z
    .array(z.string())
    .check(z.describe('Each pod/NAMESPACE/NAME or node/NAME; of the resource Tap only tap/NAMESPACE/NAME.')),
  destination: z.string().check(z.describe('node/NAME, pod/NAMESPACE/NAME or ip/ADDRESS')),
  state: z
    .string()
    .check(
      z.describe('Ready, NotReady, Incomplete, Abandoned, Ending, Ended, Failed, or why a container waits.'),
    ),
  vnis: z.array(z.int()).check(z.describe('One for each target that is not on the node of the destination.')),
  targetVnis: z
    .array(z.strictObject({ target: z.string(), vni: z.int() }))
    .check(z.describe('Which VNI is whose, also of a Tap, by pod/NAMESPACE/NAME or node/NAME.')),
  created: z.string().check(z.describe('RFC 3339')),
  pods: z.array(z.strictObject({ name: z.string(), role: z.string(), node: z.string() })),
  bitsPerSecond: count('Of the copies, between two readings. Absent where it is not known.'),
  lostPackets: count('Copies that were sent and have not arrived. Absent where it is not known.'),
  endpoints: z.optional(z.array(endpoint)),
  directions: z.optional(
    z.record(z.string(), direction).check(z.describe('By ingress and egress, as the pod sees it.')),
  ),
  copiedBytes: count('Of both directions.'),
  sentPackets: count('The copies as cut for the underlay.'),
  receivedPackets: count('Copies that came to the other end, by its own count.'),
  reportedPackets: count('The same as the sender knows it, up to 5 s ago.'),
  refusedCopies: count('Copies that the device did not take; they are among the lost ones.'),
  turnedAwayPackets: count('Packets that came to the sender from outside.'),
  fit: text('What becomes of copies that are too large for the underlay.'),
  degraded: text('Why the tap is without eBPF.'),
  idle: text('Target interfaces that are down, or carried nothing so far while others did.'),
  inFront: z.optional(
    z.array(z.strictObject({ interface: z.string(), hook: z.string(), programs: z.array(z.string()) })),
  ),
});

/** What `kokotap list` and `kokotap status` give programs: docs/taplist.schema.json is made of it. */
export const tapListSchema = z.strictObject({
  apiVersion: z.literal('kokotap.dev/v1alpha1'),
  kind: z.literal('TapList'),
  items: z.array(item),
});

export type TapItem = z.infer<typeof item>;

/** A list of taps for programs. */
export async function tapList(items: readonly TapItem[], form: 'json' | 'yaml'): Promise<string> {
  const document = { apiVersion: 'kokotap.dev/v1alpha1', kind: 'TapList', items };
  // Leaves out what is not known.
  const json = JSON.stringify(document, undefined, 2);
  if (form === 'json') return `${json}\n`;
  const known: object = JSON.parse(json);
  // Loaded only here: help needs nothing of it.
  return (await import('../yaml.ts')).yamlDocuments([known]);
}
