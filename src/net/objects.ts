import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CopySettings, objectName, withSettings } from '#src/tap/programs.ts';

/** In memory, on a volume of the pod. */
const folder = '/run/kokotap';

/** Makes the eBPF object with these settings, from the one beside the agent, and returns its name. */
export function prepareObject(settings: CopySettings): string {
  const name = objectName(settings);
  const compiled = readFileSync(path.join(import.meta.dirname, 'mirror.bpf.o'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(objectPath(name), withSettings(compiled, settings));
  return name;
}

/** Where an object is that {@link prepareObject} made. */
export function objectPath(name: string): string {
  return path.join(folder, name);
}
