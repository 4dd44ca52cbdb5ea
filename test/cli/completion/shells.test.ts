import { symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { expect, inject, test } from 'vitest';
import { startFakeApi } from '../support/fakeApi.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kubeconfig, kubeconfigFile, PROGRAM } from '../support/kokotap.ts';
import { LEAST_NODE } from '../support/nodes.ts';
import { node, pod } from '../support/objects.ts';
import { Terminal } from '../support/terminal.ts';

const SHELLS = {
  bash: {
    program: ['bash', '--norc', '--noprofile', '-i'],
    prompt: String.raw`bind 'set enable-bracketed-paste off'; PS1='ready''> '`,
    load: 'source <(kokotap completion bash)',
  },
  zsh: {
    program: ['zsh', '-f', '-i'],
    prompt: `unset zle_bracketed_paste; PS1='ready''> '`,
    load: 'autoload -U compinit; compinit -u -D; source <(kokotap completion zsh)',
  },
  fish: {
    program: ['fish', '--no-config', '-i'],
    prompt: `function fish_prompt; echo -n 'ready''> '; end`,
    load: 'kokotap completion fish | source',
  },
};

test.each(Object.entries(SHELLS))('a key completes in %s', async (_, { program, prompt, load }) => {
  await using api = await startFakeApi({ objects: [pod('web'), node('node-a', ['10.0.0.1'])] });
  const { folder, env } = await userOf(api.url);
  writeFileSync(path.join(folder, 'capture.pcapng'), '');
  await using terminal = new Terminal(program, env, folder);
  terminal.type(`${prompt}\n`);
  await terminal.shows(/ready> /u);
  terminal.type(`${load}\n`);
  await terminal.shows(/ready> /u);
  const lines = [
    ['kokotap compl', 'completion'],
    ['kokotap --any-n', '--any-node'],
    ['kokotap --pod=w', '--pod=web'],
    ['kokotap --pod w', 'web'],
    ['kokotap --pod=web --dest-node no', 'node-a'],
    ['kokotap --mirrortype=in', '--mirrortype=ingress'],
    ['kokotap capture -w capt', 'capture.pcapng'],
    ['kokotap capture --write=capt', '--write=capture.pcapng'],
  ];
  for (const [typed = '', completed = ''] of lines) {
    terminal.type(`${typed}\t`);
    expect(await terminal.shows(onScreen(typed, completed))).toContain(completed.slice(-1));
    // Away with the line.
    terminal.type('\u0015');
  }
});

/** The end of the line comes, perhaps behind control sequences, or anew as a whole. */
function onScreen(typed: string, completed: string): RegExp {
  const last = typed.split(' ').at(-1) ?? '';
  const rest = completed.slice(last.length);
  return new RegExp(`${escape(last)}[^\\n]*?${escape(rest)}`, 'su');
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`);
}

test('kubectl completes the plugin that it finds', async () => {
  await using api = await startFakeApi({ objects: [pod('web')] });
  const { env } = await userOf(api.url);
  const completed = async (...words: string[]) =>
    (await execa(inject('kubectl'), ['__complete', 'kokotap', ...words], { env, extendEnv: false })).stdout;
  expect(await completed('--pod=')).toBe('--pod=web\n:4');
  expect(await completed('compl')).toMatch(/^completion\tprints .*\n:4$/u);
});

test('as a plugin of kubectl help says so', async () => {
  const { env } = await userOf('http://127.0.0.1:1');
  const plugin = async (...words: string[]) =>
    (await execa(inject('kubectl'), ['kokotap', ...words], { env, extendEnv: false })).stdout;
  expect(await plugin('--help')).toMatch(/^Usage: kubectl kokotap --pod=NAME /u);
  expect(await plugin('list', '-A', '--help')).toMatch(/^Usage: kubectl kokotap list /u);
  expect((await execa('kokotap', ['--help'], { env, extendEnv: false })).stdout).toMatch(
    /^Usage: kokotap --pod/u,
  );
});

/** Somebody who has installed kokotap, under all of its names. */
async function userOf(url: string): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = await temporaryFolder();
  const bin = await temporaryFolder();
  for (const name of ['kokotap', 'kubectl-kokotap', 'kubectl_complete-kokotap'])
    symlinkSync(PROGRAM, path.join(bin, name));
  symlinkSync(LEAST_NODE, path.join(bin, 'node'));
  const env = {
    PATH: `${bin}:/usr/bin:/bin`,
    HOME: folder,
    TERM: 'dumb',
    KUBECTL: inject('kubectl'),
    KUBECONFIG: await kubeconfigFile(kubeconfig(url)),
    KOKOTAP_COMPLETION_MS: '60000',
  };
  return { folder, env };
}
