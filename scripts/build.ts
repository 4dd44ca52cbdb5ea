import { chmod, readdir, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { build as bundle, type BuildOptions, type Plugin } from 'esbuild';
import { fixedTexts } from '#src/cli/fixedTexts.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const DIST = path.join(ROOT, 'dist');
const CHUNKS = path.join(DIST, 'chunks');

/** Makes the programs in dist/, for the Node.js versions that package.json names. */
export async function build(): Promise<void> {
  await Promise.all([buildCli(), ...['kokotap-agent', 'kokotap-controller'].map(buildOfImage)]);
}

const PROGRAM = 'src/bin/kokotap.ts';

/** The command line, in chunks: help and version load only what they need. */
async function buildCli(): Promise<void> {
  const { metafile } = await bundle({
    ...COMMON,
    entryPoints: [PROGRAM],
    outdir: CHUNKS,
    entryNames: '[name]-[hash]',
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: [requiredModules],
    metafile: true,
  });
  const files = Object.keys(metafile.outputs).map((file) => path.basename(file));
  const program = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === PROGRAM);
  if (program === undefined) throw new Error(`nothing was made of ${PROGRAM}`);
  await buildLauncher(path.basename(program[0]));
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
    define: { FIXED_TEXTS: JSON.stringify(await fixedTexts()) },
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

/** A program of the image, in one file that it copies. */
async function buildOfImage(program: string): Promise<void> {
  const file = path.join(DIST, `${program}.js`);
  await bundle({
    ...COMMON,
    entryPoints: [`src/bin/${program}.ts`],
    outfile: file,
    plugins: [requiredModules],
  });
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
 * Requires the modules of Node.js that both programs import. An import looks at each export of one, and some exports load
 * or compute much when they are looked at: with node:http that is the whole undici, with node:process a list of all flags
 * (measured where Node.js itself starts in 30 ms: 15 and 12 ms; node:util and node:fs take some more).
 */
const requiredModules: Plugin = {
  name: 'required-modules',
  setup(bundler) {
    bundler.onResolve({ filter: /./ }, ({ path: name, namespace, importer }) => {
      if (!isBuiltin(name)) return undefined;
      if (namespace === REQUIRED) return { path: name, external: true };
      const suffix =
        name.endsWith('child_process') && importer.includes('/node_modules/commander/') ? '#lazy' : '';
      return { path: name, suffix, namespace: REQUIRED };
    });
    bundler.onLoad({ filter: /./, namespace: REQUIRED }, ({ path: name, suffix }) => ({
      contents: suffix === '' ? `module.exports = require('${name}');` : LAZY_CHILD_PROCESS,
    }));
  },
};

const REQUIRED = 'required';
/** Commander starts programs for commands that are programs, of which kokotap has none: 6 ms. */
const LAZY_CHILD_PROCESS = "exports.spawn = (...call) => require('node:child_process').spawn(...call);";

if (import.meta.main) await build();
