import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod/mini';
import { run } from '#src/exec/command.ts';

/** What Wireshark's own programs say of a file that begins with these bytes. */
export async function tshark(capture: Uint8Array, ...args: string[]): Promise<string> {
  return inFile(capture, (file) => run('tshark', ['-n', '-r', file, ...args], { timeoutMs: 60_000 }));
}

/** What capinfos says. */
export async function capinfos(capture: Uint8Array, ...args: string[]): Promise<string> {
  return inFile(capture, (file) => run('capinfos', [...args, file], { timeoutMs: 60_000 }));
}

/** The values of fields, a row for each packet. */
export async function fields(capture: Uint8Array, ...names: string[]): Promise<string[][]> {
  const wanted = names.flatMap((name) => ['-e', name]);
  const said = await tshark(capture, '--disable-protocol', 'eth', '-T', 'fields', ...wanted);
  return said === '' ? [] : said.split('\n').map((line) => line.split('\t'));
}

/** What the file has of each packet, in hexadecimal. */
export async function packetBytes(capture: Uint8Array): Promise<string[]> {
  const said = await tshark(capture, '-T', 'json', '-x', '-j', 'frame');
  return z.parse(shownPackets, JSON.parse(said)).map(({ _source: { layers } }) => layers.frame_raw[0]);
}

const shownPackets = z.array(
  z.object({ _source: z.object({ layers: z.object({ frame_raw: z.tuple([z.string()], z.unknown()) }) }) }),
);

async function inFile<T>(capture: Uint8Array, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-pcapng-'));
  try {
    const file = path.join(folder, 'capture.pcapng');
    writeFileSync(file, capture);
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
