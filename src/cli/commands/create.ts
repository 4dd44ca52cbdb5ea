import { CREATE_GROUPS } from '../create/flags.ts';
import { readCreateOptions } from '../create/options.ts';
import type { CommandDefinition } from './command.ts';

const EXAMPLE = `
Examples:
  $ kokotap create pod/web --to=node/node-b
  $ kokotap create deploy/web --to=pod/tools/suricata --filter='tcp port 80'
  $ kokotap create web --to=ip/192.0.2.9 --dry-run -o yaml`;

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
    const { createTaps } = await import('../create/create.ts');
    return createTaps(readCreateOptions(typed), cluster, terminal);
  },
};
