import path from 'node:path';

/** The path of a small program that goes with the agent (native/): beside its bundle, or where the build puts it. */
export function builtProgram(name: string): string {
  const isBundle = !import.meta.filename.endsWith('.ts');
  const folder = isBundle ? import.meta.dirname : path.join(import.meta.dirname, '../../dist');
  return path.join(folder, name);
}
