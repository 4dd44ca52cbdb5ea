import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { tapDefinition } from '#src/spec/tapDefinition.ts';
import { ApiServer, freePort } from '../../test/controller/support/apiServer.ts';
import { measureScale, percentile, usageOf } from './scale.ts';

const number = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    nodes: number('1000'),
    pods: number('10000'),
    taps: number('1000'),
    changes: number('200'),
  },
});
const scale = {
  nodes: Number(values.nodes),
  pods: Number(values.pods),
  taps: Number(values.taps),
  changes: Number(values.changes),
};

const server = await ApiServer.start();
const { objects } = server;
await objects.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', tapDefinition());
await objects.create('/api/v1/namespaces', { metadata: { name: 'kokotap' } });
while ((await objects.get('/apis/kokotap.dev/v1alpha1/taps')) === undefined) await sleep(100);
const args = ['--identity=scale', `--port=${await freePort()}`];
const controller = spawn(process.execPath, [path.resolve('dist/kokotap-controller.js'), ...args], {
  env: server.env,
  stdio: ['ignore', 'ignore', 'inherit'],
});
let hasEnded = false;
controller.once('exit', () => {
  hasEnded = true;
});
try {
  const { allMs, changesMs } = await measureScale(objects, scale);
  if (hasEnded) throw new Error('the controller has ended: the machine has too little time for it');
  const { mostMiB, cpuSeconds } = usageOf(controller.pid);
  process.stdout.write(
    [
      `nodes ${scale.nodes}, pods ${scale.pods}, Taps ${scale.taps}`,
      `all pods copied after      ${(allMs / 1000).toFixed(1)} s`,
      `a new pod copied, median   ${percentile(changesMs, 50).toFixed(0)} ms`,
      `a new pod copied, 99 %     ${percentile(changesMs, 99).toFixed(0)} ms`,
      `controller, most memory    ${Math.round(mostMiB)} MiB`,
      `controller, CPU time       ${cpuSeconds.toFixed(1)} s`,
      '',
    ].join('\n'),
  );
} finally {
  controller.kill('SIGKILL');
  await server.stop();
}
