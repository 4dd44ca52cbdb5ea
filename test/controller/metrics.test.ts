import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { describeReadings } from '#src/agent/answers/metricsText.ts';
import { run } from '#src/exec/command.ts';
import { ApiServer, freePort } from './support/apiServer.ts';

const waiting = { timeout: 60_000, interval: 200 };
const rules = path.resolve('deploy/chart/files/rules.yaml');
const helmMs = 1_200_000;
const children: ChildProcess[] = [];
let server: ApiServer;
/** Of the controller's metrics. */
let port: number;

const objectSchema = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });

/** The objects of the chart with these values, as helm renders them. */
async function rendered(...values: string[]) {
  const helm = (await run(path.resolve('lab/program'), ['helm', 'helm'], { timeoutMs: helmMs })).trim();
  const flags = values.map((value) => `--set=metrics.${value}`);
  const chart = await run(helm, ['template', 'kokotap', 'deploy/chart', '--namespace=kokotap', ...flags]);
  return loadAll(chart).map((object) => z.parse(objectSchema, object));
}

beforeAll(async () => {
  server = await ApiServer.start();
  const { objects } = server;
  await objects.create('/api/v1/namespaces', { metadata: { name: 'kokotap' } });
  await objects.create('/api/v1/namespaces', { metadata: { name: 'monitoring' } });
  const { all, exitCode } = await execa(
    inject('kubectl'),
    [`--kubeconfig=${server.kubeconfig}`, 'apply', '-f', '-'],
    {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: await rendered('enabled=true') }),
      all: true,
      reject: false,
    },
  );
  expect({ exitCode, all }).toMatchObject({ exitCode: 0 });
  for (const name of ['prometheus', 'other'])
    await objects.create('/api/v1/namespaces/monitoring/serviceaccounts', { metadata: { name } });
  await objects.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'prometheus' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kokotap-metrics' },
    subjects: [{ kind: 'ServiceAccount', name: 'prometheus', namespace: 'monitoring' }],
  });
  port = await startController();
}, 300_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server.stop();
});

const tokenSchema = z.object({ status: z.object({ token: z.string() }) });

async function tokenOf(namespace: string, account: string): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const made = await server.objects.create(`${accounts}/${account}/token`, { spec: {} });
  return z.parse(tokenSchema, made).status.token;
}

/** A controller with the rights that the chart gives it, and no others. */
async function startController(): Promise<number> {
  const folder = path.join(server.folder, 'controller');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'ca.crt'), readFileSync(path.join(server.folder, 'ca.crt')));
  writeFileSync(path.join(folder, 'token'), await tokenOf('kokotap', 'kokotap-controller'));
  const metricsPort = await freePort();
  const args = [`--port=${await freePort()}`, `--metrics-port=${metricsPort}`, '--identity=one'];
  const child = spawn(process.execPath, [path.resolve('dist/kokotap-controller.js'), ...args], {
    env: { ...server.env, KOKOTAP_TOKEN_FOLDER: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.push(child);
  return metricsPort;
}

async function metricsFor(authorization: string | undefined) {
  const headers = authorization === undefined ? {} : { authorization };
  const sent = request(`https://127.0.0.1:${port}/metrics`, { headers, rejectUnauthorized: false });
  sent.end();
  const [response] = await once(sent, 'response');
  return { code: response.statusCode, body: await text(response) };
}

test('the metrics are for those whose token may get them', async () => {
  const token = await tokenOf('monitoring', 'prometheus');
  await vi.waitFor(async () => {
    const { code, body } = await metricsFor(`Bearer ${token}`);
    expect(code).toBe(200);
    expect(body).toContain('\nkokotap_controller_leader 1\n');
    expect(body).toMatch(/^kokotap_controller_api_requests_total\{verb="[A-Za-z]+",status="201"\} \d/mu);
  }, waiting);
  expect(await metricsFor(undefined)).toEqual({ code: 401, body: '' });
  expect(await metricsFor('Bearer wrong')).toEqual({ code: 401, body: '' });
  expect(await metricsFor(`Basic ${token}`)).toEqual({ code: 401, body: '' });
  const other = await tokenOf('monitoring', 'other');
  expect(await metricsFor(`Bearer ${other}`)).toEqual({ code: 403, body: '' });
});

/** What agents with `--metrics-port` answer, of a tap that loses nothing and one that loses copies. */
async function serveAgents(): Promise<number> {
  let sent = 0;
  const agents = createServer((_, response) => {
    sent += 1000;
    const ends = ['0123456789ab', 'ba9876543210'].map((id, index) => ({
      tap: id,
      role: 'sender',
      device: { up: true },
      sentPackets: sent,
      reportedPackets: index === 0 ? sent : sent / 2,
      lostPackets: index === 0 ? 0 : sent / 2,
      copies: { ingress: { copiedBytes: sent * 100 } },
    }));
    const states = ends.map((end, index) => ({ ...end, state: index === 0 ? 'ready' : 'blind' }));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of an account only what is served
    const readings = { states, endpoints: ends } as unknown as Parameters<typeof describeReadings>[0];
    void describeReadings(readings).then(({ contentType, text: body }) =>
      response.writeHead(200, { 'content-type': contentType }).end(body),
    );
  });
  await once(agents.listen(0, '127.0.0.1'), 'listening');
  agents.unref();
  const address = agents.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** A real Prometheus that scrapes the controller and the agents every second. */
async function startPrometheus(): Promise<(path: string) => Promise<unknown>> {
  const own = await freePort();
  const file = (name: string, content: string) => {
    writeFileSync(path.join(server.folder, name), content);
    return path.join(server.folder, name);
  };
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [
      {
        job_name: 'controller',
        scheme: 'https',
        tls_config: { insecure_skip_verify: true },
        authorization: {
          credentials_file: file('scrape-token', await tokenOf('monitoring', 'prometheus')),
        },
        static_configs: [{ targets: [`127.0.0.1:${port}`] }],
      },
      { job_name: 'agents', static_configs: [{ targets: [`127.0.0.1:${await serveAgents()}`] }] },
    ],
  };
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file('prometheus.yml', JSON.stringify(config))}`,
      `--storage.tsdb.path=${path.join(server.folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${own}`,
    ],
    { stdio: 'ignore' },
  );
  children.push(child);
  return async (asked) => (await fetch(`http://127.0.0.1:${own}/api/v1/${asked}`)).json();
}

const vector = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.unknown()) }),
});
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(z.object({ name: z.string(), health: z.string(), state: z.string() })),
      }),
    ),
  }),
});
const dashboardSchema = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })),
});

test('Prometheus has an answer to each alert and to each query of the dashboard', async () => {
  await server.objects.create('/apis/kokotap.dev/v1alpha1/namespaces/default/taps', {
    apiVersion: 'kokotap.dev/v1alpha1',
    kind: 'Tap',
    metadata: { name: 'web' },
    spec: { targets: { selector: {} }, destination: { nodeName: 'node-x' } },
  });
  // Something to divide by.
  await server.objects.create('/api/v1/namespaces/default/pods', {
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'main', image: 'web' }] },
  });
  const ask = await startPrometheus();
  const states = await vi.waitFor(async () => {
    const { groups } = z.parse(rulesSchema, await ask('rules')).data;
    const found = groups.flatMap((group) => group.rules);
    expect(found.map(({ health }) => health)).toEqual(found.map(() => 'ok'));
    const byName = Object.fromEntries(found.map(({ name, state }) => [name, state]));
    expect(byName).toEqual({
      KokotapTapNotReady: 'pending',
      KokotapControllerAway: 'inactive',
      KokotapControllerFails: 'inactive',
      KokotapCopiesLost: 'pending',
      KokotapTapBlind: 'pending',
    });
    return byName;
  }, waiting);
  expect(Object.keys(states)).toHaveLength(5);
  const dashboard = readFileSync('deploy/chart/files/dashboard.json', 'utf8');
  const { panels } = z.parse(dashboardSchema, JSON.parse(dashboard));
  for (const { title, targets } of panels)
    for (const { expr } of targets)
      await vi.waitFor(async () => {
        const answer = await ask(`query?query=${encodeURIComponent(expr)}`);
        const parsed = vector.safeParse(answer);
        expect({ title, expr, answer, hasResult: (parsed.data?.data.result.length ?? 0) > 0 }).toMatchObject({
          hasResult: true,
        });
      }, waiting);
}, 300_000);

/** Series of ten seconds, as promtool writes them, and whether an alert fires at a time. */
interface Case {
  readonly alert: string;
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly fires: boolean;
}

const tap = '{namespace="shop",name="web"}';
const ofTap = '{tap="0123456789ab"}';
const cases: readonly Case[] = [
  { alert: 'KokotapTapNotReady', series: { [`kokotap_tap_ready${tap}`]: '0x100' }, at: '9m', fires: false },
  { alert: 'KokotapTapNotReady', series: { [`kokotap_tap_ready${tap}`]: '0x100' }, at: '11m', fires: true },
  {
    alert: 'KokotapTapNotReady',
    series: { [`kokotap_tap_ready${tap}`]: '0x100', [`kokotap_tap_complete${tap}`]: '1x100' },
    at: '11m',
    fires: false,
  },
  { alert: 'KokotapControllerAway', series: { kokotap_controller_leader: '0x100' }, at: '6m', fires: true },
  { alert: 'KokotapControllerAway', series: {}, at: '6m', fires: true },
  { alert: 'KokotapControllerAway', series: { kokotap_controller_leader: '1x100' }, at: '6m', fires: false },
  {
    alert: 'KokotapControllerFails',
    series: { kokotap_controller_failures_total: '0+1x100' },
    at: '11m',
    fires: true,
  },
  {
    alert: 'KokotapControllerFails',
    series: { kokotap_controller_failures_total: '3x100' },
    at: '11m',
    fires: false,
  },
  {
    alert: 'KokotapCopiesLost',
    series: {
      [`kokotap_sent_packets_total${ofTap}`]: '0+10000x100',
      [`kokotap_reported_packets_total${ofTap}`]: '0+9980x100',
    },
    at: '15m',
    fires: true,
  },
  {
    // What is under way is not lost.
    alert: 'KokotapCopiesLost',
    series: {
      [`kokotap_sent_packets_total${ofTap}`]: '500+10000x100',
      [`kokotap_reported_packets_total${ofTap}`]: '0+10000x100',
    },
    at: '15m',
    fires: false,
  },
  {
    alert: 'KokotapTapBlind',
    series: { 'kokotap_endpoint_state{tap="0123456789ab",state="blind"}': '1x100' },
    at: '3m',
    fires: true,
  },
  {
    alert: 'KokotapTapBlind',
    series: { 'kokotap_endpoint_state{tap="0123456789ab",state="blind"}': '1x3 0x100' },
    at: '3m',
    fires: false,
  },
];

test.each(cases)('$alert fires at $at of $series: $fires', async ({ alert, series, at, fires }) => {
  const alertTest = { eval_time: at, alertname: alert };
  const file = path.join(server.folder, `${Math.random()}.yaml`);
  const expression = `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`;
  writeFileSync(
    file,
    JSON.stringify({
      rule_files: [rules],
      evaluation_interval: '10s',
      tests: [
        {
          interval: '10s',
          input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
          promql_expr_test: [
            {
              expr: expression,
              eval_time: alertTest.eval_time,
              exp_samples: [{ labels: '{}', value: fires ? 1 : 0 }],
            },
          ],
        },
      ],
    }),
  );
  const { exitCode, all } = await execa('promtool', ['test', 'rules', file], { all: true, reject: false });
  expect({ exitCode, all }).toMatchObject({ exitCode: 0 });
});

describe('the chart', () => {
  test('opens no port for metrics unless it is asked to', async () => {
    expect(JSON.stringify(await rendered())).not.toContain('metrics');
  });

  test('has what the Prometheus operator and Grafana look for', async () => {
    const values = ['enabled=true', 'serviceMonitor=true', 'rules=true', 'dashboard=true', 'tlsSecret=own'];
    const objects = await rendered(...values);
    const one = (kind: string, name: string) =>
      objects.find((each) => each.kind === kind && each.metadata.name === name);
    const labels = { 'app.kubernetes.io/name': 'kokotap-controller' };
    expect(one('Service', 'kokotap-controller-metrics')).toMatchObject({ metadata: { labels } });
    expect(one('ServiceMonitor', 'kokotap-controller')).toMatchObject({
      spec: {
        selector: { matchLabels: labels },
        endpoints: [{ port: 'metrics', tlsConfig: { ca: { secret: { name: 'own', key: 'ca.crt' } } } }],
      },
    });
    expect(one('PrometheusRule', 'kokotap')).toMatchObject({ spec: { groups: [{ name: 'kokotap' }] } });
    expect(one('ConfigMap', 'kokotap-dashboard')).toMatchObject({
      metadata: { labels: { grafana_dashboard: '1' } },
      data: { 'kokotap.json': readFileSync('deploy/chart/files/dashboard.json', 'utf8').trimEnd() },
    });
    const deployment = JSON.stringify(one('Deployment', 'kokotap-controller'));
    expect(deployment).toContain('"secretName":"own"');
    expect(deployment).toContain('--metrics-certificate=/etc/kokotap/metrics');
  });
});
