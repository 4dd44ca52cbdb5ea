import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { UserError } from '#src/errors.ts';

/**
 * Makes the folder of the socket, which only its user can enter. Reads the process id of kubectl, then waits for the end of
 * its input, which comes when kokotap ends, however it does. Then it ends kubectl and what kubectl started, such as a
 * credential plugin that waits for a person, and removes the folder: again if kubectl was just making the socket. After the
 * line `ended` there is only the folder to remove.
 */
const SCRIPT = `
PATH=$PATH:/bin:/usr/bin
tree() {
  echo "$1"
  ps -A -o ppid= -o pid= | while read -r parent child; do
    [ "$parent" != "$1" ] || tree "$child"
  done
}
trap '' PIPE
mkdir -m 700 "$1" || exit 1
echo made
exec >&- 2>&-
read -r pid || pid=
read -r word || word=
[ -z "$pid" ] || [ "$word" = ended ] || kill $(tree "$pid") 2>/dev/null
for try in 1 2 3 4 5; do rm -rf "$1" && break; sleep 0.1; done
`;

/**
 * Says its own process id to the guard and becomes the program, which so has it. Ctrl-C reaches the program too, and does not
 * end it: kokotap ends it when it has taken away what it made.
 */
export const ANNOUNCED = ['/bin/sh', '-c', 'trap "" INT; echo $$ >&3; exec 3>&- "$@"', 'sh'] as const;

export interface ProxyGuard {
  readonly process: ChildProcess;
  /** Of the socket. */
  readonly folder: string;
  /** Given to {@link ANNOUNCED} as its file 3. */
  readonly input: Writable;
}

/** A socket's path has 104 bytes on macOS and 108 on Linux. */
const LONGEST_PARENT = 80;

/**
 * Starts the guard of a `kubectl proxy`. It has a session of its own: neither Ctrl-C nor a SIGKILL to kokotap's process
 * group ends it. kubectl itself has to stay in the terminal's foreground, for a credential plugin may ask a person.
 */
export async function startGuard(env: NodeJS.ProcessEnv): Promise<ProxyGuard> {
  const parent = tmpdir().length > LONGEST_PARENT ? '/tmp' : tmpdir();
  const folder = path.join(parent, `kokotap-${randomBytes(8).toString('hex')}`);
  const guard = spawn('/bin/sh', ['-c', SCRIPT, 'kokotap-guard', folder], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env,
  });
  const [made, said] = await Promise.all([text(guard.stdout), text(guard.stderr)]);
  if (made === '') throw new UserError(`Cannot make a folder for a socket: ${said.trim()}; set TMPDIR`);
  return { process: guard, folder, input: guard.stdin };
}
