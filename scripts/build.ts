import { chmod, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { build as bundle, type BuildOptions, type Plugin } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '..');
const DIST = path.join(ROOT, 'dist');
const CHUNKS = path.join(DIST, 'chunks');

/** Makes both programs in dist/, for the Node.js versions that package.json names. */
export async function build(): Promise<void> {
  await Promise.all([buildCli(), buildAgent()]);
}

/** The command line, in chunks: help and version load only what they need. */
async function buildCli(): Promise<void> {
  const { metafile } = await bundle({
    ...COMMON,
    entryPoints: ['src/bin/kokotap.ts'],
    outdir: CHUNKS,
    entryNames: '[name]-[hash]',
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: [requiredHttp],
    metafile: true,
  });
  const files = Object.keys(metafile.outputs).map((file) => path.basename(file));
  const program = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint !== undefined);
  await buildLauncher(path.basename(program?.[0] ?? ''));
  await removeOtherChunks(files);
}

/** What a user starts. It is no part of the bundle above, every file of which begins with an import. */
async function buildLauncher(program: string): Promise<void> {
  const outfile = path.join(DIST, 'kokotap.js');
  await bundle({
    entryPoints: [path.join(ROOT, 'src/bin/launcher.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    plugins: [
      {
        name: 'program',
        setup(bundler) {
          bundler.onResolve({ filter: /\/kokotap\.ts$/ }, () => ({
            path: `./chunks/${program}`,
            external: true,
          }));
        },
      },
    ],
    logLevel: 'warning',
  });
  await chmod(outfile, 0o755);
}

/** Those of earlier builds: only now, so that a program that is just running finds its own. */
async function removeOtherChunks(current: readonly string[]): Promise<void> {
  const others = (await readdir(CHUNKS)).filter((file) => !current.includes(file));
  await Promise.all(others.map((file) => rm(path.join(CHUNKS, file))));
}

/** The agent, in one file that the image copies. */
async function buildAgent(): Promise<void> {
  const file = path.join(DIST, 'kokotap-agent.js');
  await bundle({ ...COMMON, entryPoints: ['src/bin/kokotap-agent.ts'], outfile: file });
  await chmod(file, 0o755);
}

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  // Stacks stay readable; what is not used is dropped all the same.
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
  // Some dependencies are CommonJS and require Node's modules, which an ES module cannot.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
} satisfies BuildOptions;

/**
 * An import of node:http looks at each of its exports, of which WebSocket makes Node.js load its whole undici
 * (measured: 15 ms). Requiring it does not.
 */
const requiredHttp: Plugin = {
  name: 'required-http',
  setup(bundler) {
    bundler.onResolve({ filter: /^(node:)?http$/ }, ({ namespace }) =>
      namespace === 'required'
        ? { path: 'node:http', external: true }
        : { path: 'http', namespace: 'required' },
    );
    bundler.onLoad({ filter: /./, namespace: 'required' }, () => ({
      contents: "module.exports = require('node:http');",
    }));
  },
};

if (import.meta.main) await build();
