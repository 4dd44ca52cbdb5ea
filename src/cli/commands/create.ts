import { CREATE_GROUPS } from '../create/flags.ts';
import { readCreateOptions } from '../create/options.ts';
import type { CommandDefinition } from './command.ts';

const EXAMPLE = `
Examples:
  $ kokotap create pod/web --to=node/node-b
  $ kokotap create deploy/web --to=pod/tools/suricata --filter='tcp port 80'
  $ kokotap create web --to=ip/192.0.2.9 --dry-run -o yaml
  $ kokotap create deploy/web --to=node/node-b --persistent`;

/** `kokotap create` */
export const CREATE: CommandDefinition = {
  name: 'create',
  aliases: [],
  completes: 'targets',
  usage: 'TARGET... --to DESTINATION',
  about: 'makes a tap, and waits until copies can flow',
  details:
    'TARGET is a pod, or deploy/NAME, sts/, ds/, rs/, job/, svc/ or node/: all pods of a workload are tapped. All targets of one command are one tap. What a failed or interrupted command has made is taken away again.',
  flags: CREATE_GROUPS,
  example: EXAMPLE,
  check: (typed) => void readCreateOptions(typed),
  run: async (typed, cluster, terminal) => {
    // Loaded only here: help needs nothing of it.
    const options = readCreateOptions(typed);
    if (options.persistent !== undefined) {
      const { createPersistent } = await import('../create/persistent.ts');
      return createPersistent(options.persistent, options, cluster, terminal);
    }
    const { createTaps } = await import('../create/create.ts');
    return createTaps(options, cluster, terminal);
  },
};
