import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '#src/errors.ts';
import { DIRECTIONS } from '#src/tap/direction.ts';
import { DEFAULT_IFNAME, DEFAULT_POD_IFNAME } from '#src/tap/ifnames.ts';
import { VERSION } from '#src/version.ts';
import { DESCRIPTION, HELP_EXAMPLE } from './help.ts';
import { nearNames } from './nearNames.ts';
import { oneLine, quote } from './text.ts';

/** The flags as typed, before any check. */
export interface RawOptions {
  readonly pod?: string;
  readonly podIfname: string;
  readonly podContainer?: string;
  readonly namespace: string;
  readonly mirrortype: string;
  readonly filter?: string;
  readonly snaplen?: string;
  readonly sample?: string;
  readonly maxRate?: string;
  readonly ifname: string;
  readonly vxlanId?: string;
  readonly vxlanPort: string;
  readonly metricsPort?: string;
  readonly duration?: string;
  readonly destNode?: string;
  readonly destIp?: string;
  readonly destAddress?: string;
  readonly sourceAddress?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly tapNamespace?: string;
  readonly image: string;
  readonly requests?: string;
  readonly limits?: string;
  readonly anyNode?: boolean;
  readonly verbose?: boolean;
}

/** Either text to print, and nothing else to do, or the flags of a tap. */
export type CommandLine =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tap'; readonly options: RawOptions };

/**
 * Takes a command line apart.
 *
 * @throws {UsageError} for flags that do not exist or lack their value, and for arguments that are no flags.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  let text = '';
  const program = describeProgram().configureOutput({
    writeOut: (written) => {
      text += written;
    },
    writeErr: () => undefined,
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'text', text };
    throw new UsageError(usageMessage(error, program), { cause: error });
  }
  const [stray] = program.args;
  if (stray !== undefined) {
    throw new UsageError(`Unexpected argument ${quote(stray)}: kokotap takes flags only, see kokotap --help`);
  }
  return { kind: 'tap', options: program.opts<RawOptions>() };
}

function describeProgram(): Command {
  return new Command('kokotap')
    .usage('--pod=NAME {--dest-node=NODE | --dest-ip=ADDRESS} [flags]')
    .description(DESCRIPTION)
    .configureHelp({ helpWidth: 80 })
    .exitOverride()
    .allowExcessArguments()
    .optionsGroup('Target:')
    .option('--pod <name>', 'pod whose packets are copied (required)')
    .option('-n, --namespace <name>', 'namespace of the pod', withoutEqualsSign, 'default')
    .option('--pod-ifname <names>', 'its interfaces: eth0,net1, or all', DEFAULT_POD_IFNAME)
    .option('--pod-container <name>', 'a container that the pod must have')
    .optionsGroup('Destination (one of them):')
    .option('--dest-node <node>', 'node that gets the mirror interface')
    .option('--dest-ip <address>', 'address outside the cluster that ends the VXLAN itself')
    .optionsGroup('Mirror:')
    .addOption(
      new Option('--mirrortype <type>', `${DIRECTIONS.join(', ')}: as the pod sees it`).default('both'),
    )
    .option('--filter <expression>', 'copy only what matches, such as "tcp port 80"')
    .option('--snaplen <bytes>', 'copy no more of each packet, 64 to 65535')
    .option('--sample <1/N>', 'copy one conversation in N, both directions')
    .option('--max-rate <rate>', 'copy no more, such as 200mbit; the rest is counted')
    .option('--dest-ifname, --ifname <name>', 'mirror interface, at both ends', DEFAULT_IFNAME)
    .option('--vxlan-id <vni>', 'VNI, 1 to 16777215 (default: one that no other tap has)')
    .option('--vxlan-port <port>', 'UDP port of the VXLAN', '4789')
    .option('--source-address <address>', "of the pod's node, where copies come from")
    .option(
      '--dest-address <address>',
      "of --dest-node, where copies go (default for both: the node's InternalIP)",
    )
    .option('--metrics-port <port>', "serve Prometheus on the nodes' loopback")
    .option('--duration <time>', 'end the tap after, for example, 30m or 1h30m')
    .optionsGroup('Cluster:')
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, ~/.kube/config, in-cluster')
    .option('--context <name>', "default: the kubeconfig's current context")
    .option('--tap-namespace <name>', "namespace of the tap's pods (default: the target's)")
    .option('--image <image>', "image of the tap's pods", `localhost/kokotap:${VERSION}`)
    .option('--requests <list>', "what each of the tap's pods asks for: cpu=50m,memory=64Mi")
    .option('--limits <list>', 'the most that each gets: cpu=500m,memory=128Mi')
    .option('--any-node', 'also nodes that are not amd64, or whose kernel is untried')
    .optionsGroup('Other:')
    .option('-v, --verbose', 'show API requests and error stacks on stderr')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP_EXAMPLE);
}

/** kubectl takes `-n=team` for `-n team`; Commander hands on the equals sign. */
function withoutEqualsSign(value: string): string {
  return value.replace(/^=/u, '');
}

function usageMessage({ code, message }: CommanderError, program: Command): string {
  const unknownFlag = code === 'commander.unknownOption' ? /'([^'=]*)/u.exec(message)?.[1] : undefined;
  if (unknownFlag === undefined) return `${oneLine(message.replace(/^error: o/u, 'O'))}, see kokotap --help`;
  return `Unknown flag ${quote(unknownFlag)}${suggestion(unknownFlag, program)}, see kokotap --help`;
}

/** Commander suggests too, but not for `--flag=value` and not the first of two long forms. */
function suggestion(unknownFlag: string, program: Command): string {
  const flags = program.options.flatMap(({ long, short }) => [long, short]);
  const near = nearNames(unknownFlag, flags.filter((flag) => flag?.startsWith('--')).map(String));
  return near.length > 0 ? `, did you mean ${near.join(' or ')}?` : '';
}
