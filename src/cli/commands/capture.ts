import { CAPTURE_GROUPS, QUIET } from '../capture/flags.ts';
import { readCaptureOptions, refuseTerminal } from '../capture/readOptions.ts';
import { OF_KUBECTL, OTHER } from '../flags.ts';
import type { CommandDefinition } from './command.ts';

const EXAMPLE = `
Examples:
  $ kokotap capture deploy/web                      a line for each packet
  $ kokotap capture deploy/web | wireshark -k -i -
  $ kokotap capture web -w web.pcapng --filter='tcp port 80' --duration=30s`;

/** `kokotap capture` */
export const CAPTURE: CommandDefinition = {
  name: 'capture',
  aliases: [],
  usage: '[TARGET...]',
  about: 'shows or saves packets of pods',
  details:
    'Each packet is shown with its pod and direction, wherever the pods run, and what is missing is counted. TARGET is a pod, or deploy/NAME, sts/, ds/, rs/, job/, svc/, node/ or tap/ID.',
  flags: {
    ...CAPTURE_GROUPS,
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': [QUIET, ...OTHER],
  },
  completes: 'targets',
  example: EXAMPLE,
  check: (typed, isTerminal) => refuseTerminal(readCaptureOptions(typed), isTerminal),
  run: async (typed, cluster, { say, stdout, env, untilInterrupted }) => {
    const signal = untilInterrupted();
    // Loaded only here: help needs nothing of it.
    const { captureCommand } = await import('../capture/command.ts');
    const terminal = { stdout: stdout(), say, env, signal };
    return { exitCode: await captureCommand(readCaptureOptions(typed), cluster, terminal), text: '' };
  },
};
