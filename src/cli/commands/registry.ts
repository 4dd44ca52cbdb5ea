import type { CommandDefinition } from './command.ts';
import { CAPTURE } from './capture.ts';
import { LIST } from './list.ts';
import { DELETE } from './delete.ts';

/** In the order of help. */
export const COMMANDS: readonly CommandDefinition[] = [CAPTURE, LIST, DELETE];

/** The command of a line that begins with its name. */
export function commandNamed(name: string | undefined): CommandDefinition | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases.includes(name ?? ''));
}
