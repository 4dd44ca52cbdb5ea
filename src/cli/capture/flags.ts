import * as z from 'zod/mini';
import { tapSchema } from '#src/spec/tap.ts';
import {
  imageReference,
  interfaceNames,
  labelName,
  nonEmpty,
  subdomainName,
  wholeNumber,
} from '#src/spec/values.ts';
import { durationSeconds } from '#src/spec/written.ts';
import { type Flag, type FlagGroups, plain } from '../flags.ts';
import { commaSeparated, plainNumber, withoutEqualsSign } from '../values.ts';

const times = 'give whole hours, minutes and seconds such as 30s or 1h30m';
const sizes = 'give a whole number of bytes, or with k, M or G behind it, such as 100M';
const seconds = wholeNumber(1, 2_147_483);
const bytes = wholeNumber(1, 2 ** 40);

/** All of them, by the option that they set, in the groups of help. */
export const CAPTURE_FLAGS = {
  'What:': {
    namespace: flag(
      '-n, --namespace <name>',
      "namespace of the targets (default: the context's)",
      labelName,
      {
        read: withoutEqualsSign,
        completes: 'namespaces',
      },
    ),
    labels: flag('-l, --selector <labels>', 'pods with these labels, as for kubectl', nonEmpty),
    interfaces: flag('-i, --interface <names>', 'eth0,net1, lo, or all (default: eth0)', interfaceNames, {
      read: commaSeparated,
    }),
    direction: flag(
      '--direction <direction>',
      'ingress, egress or both, as the pod sees it (default: both)',
      tapSchema.shape.direction,
    ),
    filter: flag('--filter <expression>', 'pcap-filter(7), such as "tcp port 80"', nonEmpty),
    snapLengthBytes: flag(
      '--snaplen <bytes>',
      'bytes that are kept of each packet (default: all)',
      tapSchema.shape.snapLengthBytes,
      { read: plainNumber },
    ),
    maxPods: flag('--max-pods <count>', 'pods at most (default: 50)', wholeNumber(1, 1000), {
      read: plainNumber,
    }),
    noFollow: flag('--no-follow', 'leave out pods that start later', z.boolean()),
  },
  'Where to:': {
    file: flag(
      '-w, --write <file>',
      'pcapng file, compressed if its name ends in .gz or .zst; - for a pipe',
      nonEmpty,
      { completes: 'files' },
    ),
    fileBytes: flag('-C, --file-size <size>', 'begin another file after so much, such as 100M', bytes, {
      read: byteCount,
      advice: sizes,
    }),
    fileSeconds: flag(
      '-G, --file-time <time>',
      'begin another file after so long, such as 60 or 1h',
      seconds,
      {
        read: secondsOrTime,
        advice: times,
      },
    ),
    fileCount: flag(
      '-W, --file-count <count>',
      'keep so many files, and write over the oldest',
      wholeNumber(1, 100_000),
      {
        read: plainNumber,
      },
    ),
    wireshark: flag('--wireshark', 'show the packets in Wireshark', z.boolean()),
  },
  'How long:': {
    packetCount: flag(
      '-c, --count <packets>',
      'end after so many packets',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
      {
        read: plainNumber,
      },
    ),
    durationSeconds: flag('--duration <time>', 'end after, for example, 30s', seconds, {
      read: durationSeconds,
      advice: times,
    }),
    timeoutSeconds: flag('--timeout <time>', 'how long the pods may take to start (default: 60s)', seconds, {
      read: durationSeconds,
      advice: times,
    }),
  },
  'Loss:': {
    spoolBytes: flag(
      '--spool <size>',
      "what may wait on the node's disk, such as 2G (default: nothing)",
      bytes,
      {
        read: byteCount,
        advice: sizes,
      },
    ),
    allowLoss: flag('--allow-loss', 'exit 0 also when packets are missing, which is 3 else', z.boolean()),
  },
  "Capture's pods:": {
    tapNamespace: flag(
      '--tap-namespace <name>',
      "their namespace (default: kokotap if there is one, else the targets')",
      labelName,
      { completes: 'namespaces' },
    ),
    image: flag('--image <image>', 'their image', imageReference),
    imagePullSecret: flag('--image-pull-secret <name>', 'Secret to pull it with', subdomainName),
  },
} as const satisfies Record<string, Record<string, Flag>>;

/** The same, as help lists them. */
export const CAPTURE_GROUPS: FlagGroups = Object.fromEntries(
  Object.entries(CAPTURE_FLAGS).map(([title, flags]) => [title, Object.values<Flag>(flags)]),
);

export const QUIET = plain('-q, --quiet', 'say nothing but what goes wrong');

function flag(
  usage: string,
  about: string,
  schema: z.ZodMiniType,
  reading: Pick<Flag, 'read' | 'advice' | 'completes'> = {},
): Flag {
  return { usage, about, unset: undefined, schema, ...reading };
}

/** As tcpdump has it, in millions where nothing is said: here a unit is said. */
function byteCount(text: string): number {
  const [, count, unit = ''] = /^(\d+)([kMG]?)$/u.exec(text) ?? [];
  return Number(count) * 1000 ** ['', 'k', 'M', 'G'].indexOf(unit);
}

function secondsOrTime(text: string): number {
  return /^\d+$/u.test(text) ? Number(text) : durationSeconds(text);
}
