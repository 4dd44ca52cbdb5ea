import * as z from 'zod/mini';
import { run, type RunOptions } from '#src/exec/command.ts';
import { lastReportLayout, lastReportLength } from '#src/tap/programs/layouts.ts';
import type { Hook } from '#src/tap/state.ts';
import { runBpftool } from './bpftool.ts';

/** What a tap's eBPF program counted, as bpf/mirror.bpf.c has it: packets, and bytes. */
export interface Counts {
  readonly seen: number;
  readonly sampledOut: number;
  readonly shed: number;
  readonly unfit: number;
  readonly copied: number;
  readonly copiedBytes: number;
  readonly sent: number;
  /** Of the sent ones, past the IP stack of the node. */
  readonly bypassed: number;
  /** Of those that came to the mirror device, the packets that the kernel's own statistics lack. */
  readonly unmeasured: number;
}

const program = z.object({ map_ids: z._default(z.array(z.number()), []) });

/** `bpftool --json map dump` of version 7.1, with the names from the program's BTF; one value for each CPU. */
const counts = z.array(
  z.object({
    formatted: z.object({
      key: z.number(),
      values: z.array(
        z.object({
          value: z.object({
            seen: z.number(),
            sampled_out: z.number(),
            shed: z.number(),
            unfit: z.number(),
            copied: z.number(),
            copied_bytes: z.number(),
            sent: z.number(),
            // Programs of earlier versions have none.
            bypassed: z._default(z.number(), 0),
            unmeasured: z.number(),
          }),
        }),
      ),
    }),
  }),
);

const report = z.object({
  formatted: z.object({
    value: z.object({
      reports: z.number(),
      last: z.number(),
      received: z.number(),
      probes: z.number(),
      at_ms: z.number(),
    }),
  }),
});
const lastReports = z.tuple([report, report]);

/** What the receiver's reports come to, as bpf/mirror.bpf.c has it. */
export interface LastReport {
  readonly reports: number;
  /** Copies that came to the receiver, by its last report. */
  readonly receivedPackets: number;
  /** Probes that came to the receiver's present device; undefined: it cannot count them. */
  readonly probes: number | undefined;
  /** Leaves so many packets out of {@link receivedPackets} from now on. */
  disown(packets: number): Promise<void>;
}

/** What is at which place of the map: the C code's `enum direction`. */
const hooks: readonly Hook[] = ['ingress', 'egress'];

/**
 * Reads what a program counted since it was loaded. It takes SYS_ADMIN to get at the maps of a program. Undefined when
 * it does not count, as another version's may not.
 *
 * @param programId the kernel's number of it
 * @throws {CommandError}
 */
export async function readCounts(programId: number): Promise<Record<Hook, Counts> | undefined> {
  const found = await findMap(programId, counts);
  return found && { ingress: sum(found.data, 'ingress'), egress: sum(found.data, 'egress') };
}

/**
 * What programs have seen, read by one process however many they are, or two for programs that are new to it.
 * Programs that are gone are left out, and for once perhaps others too.
 */
export class SeenReader {
  /** Their maps, by program. */
  #maps = new Map<number, readonly number[]>();

  /** @throws {CommandError} */
  async read(
    programIds: readonly number[],
    options: RunOptions = {},
  ): Promise<ReadonlyMap<number, Readonly<Record<Hook, number>>>> {
    const asked = programIds.filter((id) => !this.#maps.has(id));
    const shown = await runBpftool(
      asked.map((id) => `prog show id ${id}`),
      options,
    );
    for (const [at, answer] of shown.entries()) {
      const { data } = z.safeParse(program, answer);
      const id = asked[at];
      if (id !== undefined && data !== undefined) this.#maps.set(id, data.map_ids);
    }
    const wanted = programIds.flatMap((id) => (this.#maps.get(id) ?? []).map((map) => ({ id, map })));
    const dumped = await runBpftool(
      wanted.map(({ map }) => `map dump id ${map}`),
      options,
    );
    const found = new Map<number, Record<Hook, number>>();
    for (const [at, answer] of dumped.entries()) {
      const { data } = z.safeParse(counts, answer);
      const id = wanted[at]?.id;
      if (id === undefined || data === undefined) continue;
      found.set(id, { ingress: sum(data, 'ingress').seen, egress: sum(data, 'egress').seen });
    }
    for (const id of programIds) if (!found.has(id)) this.#maps.delete(id);
    for (const id of this.#maps.keys()) if (!programIds.includes(id)) this.#maps.delete(id);
    return found;
  }
}

/** Like {@link readCounts}, of the program that reads the receiver's reports. */
export async function readLastReport(programId: number): Promise<LastReport | undefined> {
  const found = await findMap(programId, lastReports);
  if (found === undefined) return undefined;
  const [{ reports, received, probes }, { received: before }] = [
    found.data[0].formatted.value,
    found.data[1].formatted.value,
  ];
  return {
    reports,
    receivedPackets: received - before,
    // The number that stands for none is too large to be safe.
    probes: Number.isSafeInteger(probes) ? probes : undefined,
    async disown(packets) {
      const bytes = Buffer.alloc(lastReportLength);
      bytes.writeBigUInt64LE(BigInt(before + packets), lastReportLayout.received);
      await run('bpftool', [
        'map',
        'update',
        'id',
        String(found.id),
        ...hex('key', secondKey),
        ...hex('value', bytes),
      ]);
    },
  };
}

const secondKey = Buffer.from([1, 0, 0, 0]);

function hex(word: string, bytes: Buffer): string[] {
  return [word, 'hex', ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))];
}

/** The first of a program's maps whose content is of a form. */
async function findMap<T extends z.ZodMiniType>(
  programId: number,
  form: T,
): Promise<{ id: number; data: z.output<T> } | undefined> {
  const shown = await run('bpftool', ['--json', 'prog', 'show', 'id', String(programId)]);
  for (const id of z.parse(program, JSON.parse(shown)).map_ids) {
    const found = z.safeParse(
      form,
      JSON.parse(await run('bpftool', ['--json', 'map', 'dump', 'id', String(id)])),
    );
    if (found.success) return { id, data: found.data };
  }
  return undefined;
}

function sum(entries: z.infer<typeof counts>, hook: Hook): Counts {
  const values =
    entries.find(({ formatted }) => formatted.key === hooks.indexOf(hook))?.formatted.values ?? [];
  const total = (name: keyof (typeof values)[number]['value']) =>
    values.reduce((all, { value }) => all + value[name], 0);
  return {
    seen: total('seen'),
    sampledOut: total('sampled_out'),
    shed: total('shed'),
    unfit: total('unfit'),
    copied: total('copied'),
    copiedBytes: total('copied_bytes'),
    sent: total('sent'),
    bypassed: total('bypassed'),
    unmeasured: total('unmeasured'),
  };
}
