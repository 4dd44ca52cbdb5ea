import type { AnyCommand } from './command.ts';
import { CAPTURE } from './capture.ts';
import { COMPLETION } from './completion.ts';
import { DOCTOR } from './doctor.ts';
import { EXTCAP } from './extcap.ts';
import { CREATE } from './create.ts';
import { LIST } from './list.ts';
import { STATUS } from './status.ts';
import { TOP } from './top.ts';
import { DELETE } from './delete.ts';

/** In the order of help. */
export const COMMANDS: readonly AnyCommand[] = [
  CAPTURE,
  CREATE,
  LIST,
  STATUS,
  TOP,
  DELETE,
  DOCTOR,
  EXTCAP,
  COMPLETION,
];

/** The command of a line that begins with its name. */
export function commandNamed(name: string | undefined): AnyCommand | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases.includes(name ?? ''));
}
