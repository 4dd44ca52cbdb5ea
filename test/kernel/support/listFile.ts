import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Network } from './network.ts';

/** How the file of a list of endpoints is changed. */
export const writers = ['volume', 'rename', 'in place'] as const;
export type Writer = (typeof writers)[number];

/** A file with a list of endpoints, where an agent is told to look for it. */
export class ListFile {
  /** Its name. */
  readonly name: string;
  readonly #folder: string;
  #version = 0;

  constructor(net: Network) {
    this.#folder = mkdtempSync(net.file('list-'));
    this.name = path.join(this.#folder, 'endpoints');
  }

  /** Writes a list of some documents. */
  write(items: readonly unknown[], by: Writer = 'volume'): void {
    this.writeText(JSON.stringify({ apiVersion: 'kokotap.dev/v1alpha1', kind: 'EndpointList', items }), by);
  }

  /** Writes whatever text. */
  writeText(text: string, by: Writer = 'volume'): void {
    const part = (name: string) => path.join(this.#folder, name);
    if (by === 'in place' && existsSync(this.name)) {
      writeFileSync(this.name, text);
      return;
    }
    if (by === 'volume') {
      // As a kubelet does: a new folder, to which the link `..data` is turned in one step.
      const folder = `..${++this.#version}`;
      mkdirSync(part(folder));
      writeFileSync(part(`${folder}/endpoints`), text);
      symlinkSync(folder, part('..data_tmp'));
      renameSync(part('..data_tmp'), part('..data'));
      symlinkSync('..data/endpoints', part('link_tmp'));
      renameSync(part('link_tmp'), this.name);
      rmSync(part(`..${this.#version - 1}`), { recursive: true, force: true });
      return;
    }
    writeFileSync(part('new'), text);
    renameSync(part('new'), this.name);
  }
}
