import path from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { run } from '#src/exec/command.ts';
import {
  countLayout,
  countLength,
  gateLayout,
  gateLength,
  lastReportLayout,
  lastReportLength,
  leaseLayout,
  leaseLength,
  settingsLayout,
} from '#src/tap/programs/layouts.ts';

const btf = z.object({
  types: z.array(
    z.object({
      id: z.number(),
      kind: z.string(),
      name: z.string(),
      size: z.number().optional(),
      type_id: z.number().optional(),
      members: z.array(z.object({ name: z.string(), bits_offset: z.number() })).optional(),
    }),
  ),
});

/** The structures of the compiled object, by their name or, where they have none, that of their variable. */
async function structures() {
  const { types } = btf.parse(
    JSON.parse(await run('bpftool', ['--json', 'btf', 'dump', 'file', path.resolve('dist/mirror.bpf.o')])),
  );
  const byId = new Map(types.map((type) => [type.id, type]));
  return (name: string) => {
    let type = types.find((each) => each.name === name && ['STRUCT', 'VAR'].includes(each.kind));
    while (type !== undefined && type.kind !== 'STRUCT') type = byId.get(type.type_id ?? 0);
    const members = type?.members ?? [];
    return {
      size: type?.size,
      offsets: Object.fromEntries(members.map((member) => [member.name, member.bits_offset / 8])),
    };
  };
}

test('the agent writes and reads structures as the eBPF programs have them', async () => {
  const structure = await structures();
  expect(structure('settings').offsets).toEqual(settingsLayout);
  expect(structure('lease')).toEqual({ size: leaseLength, offsets: leaseLayout });
  expect(structure('gate')).toEqual({ size: gateLength, offsets: gateLayout });
  expect(structure('count')).toEqual({ size: countLength, offsets: countLayout });
  expect(structure('last_report')).toEqual({ size: lastReportLength, offsets: lastReportLayout });
});
