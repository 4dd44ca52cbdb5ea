import { UsageError } from '#src/errors.ts';
import { OF_KUBECTL, OTHER, plain, TAPS_NAMESPACE } from '../flags.ts';
import type { LocalCommand } from './command.ts';

const INSTALL = plain('--install', 'have Wireshark list pods as interfaces');
const FOLDER = plain(
  '--folder <folder>',
  'where Wireshark looks for extcaps',
  'the one that tshark -G folders names',
);
const CAPTURE_NAMESPACE = plain(
  '--tap-namespace <name>',
  "namespace of the captures' own pods",
  "kokotap if there is one, else the targets'",
);

/** `kokotap extcap` */
export const EXTCAP: LocalCommand = {
  name: 'extcap',
  aliases: [],
  usage: '--install',
  about: 'makes pods interfaces of Wireshark',
  details:
    'Wireshark and tshark then list the pods of a namespace as interfaces, and "other targets" for all else. The flags that choose cluster and namespace are kept.',
  flags: {
    'What:': [
      INSTALL,
      { ...FOLDER, completes: 'files' },
      { ...TAPS_NAMESPACE, about: 'namespace of the pods' },
      { ...CAPTURE_NAMESPACE, completes: 'namespaces' },
    ],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: ({ args, values }) => {
    if (args[0] !== undefined) throw new UsageError(`kokotap extcap takes flags only, not "${args[0]}"`);
    if (!values.has('--install')) throw new UsageError('Give --install: it is all that kokotap extcap does');
  },
  runHere: async ({ given, values }, env) => {
    // Loaded only here: help needs nothing of it.
    const { extcapFolder, installStub } = await import('../extcap/install.ts');
    const { extcapStub } = await import('../extcap/stub.ts');
    const namespaces = ['--namespace', '--tap-namespace'].flatMap((name) => {
      const value = values.get(name);
      return value === undefined ? [] : [`${name}=${value}`];
    });
    const flags = [
      ...namespaces,
      ...given.flatMap(({ flag, name, text }) => {
        const isKept = flag.isOfKubectl === true || name === '--kubectl';
        return isKept ? [text === undefined ? name : `${name}=${text}`] : [];
      }),
    ];
    const stub = extcapStub({
      program: [process.execPath, process.argv[1] ?? ''],
      flags,
      path: env['PATH'] ?? '',
    });
    const file = await installStub(values.get('--folder') ?? (await extcapFolder(env)), stub);
    return `${file}\nWireshark lists pods as interfaces when it is started again, or by Capture, Refresh Interfaces.\n`;
  },
};
