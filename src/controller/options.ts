import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { tapSchema } from '#src/spec/tap.ts';
import { labelName, wholeNumber } from '#src/spec/values.ts';

const numberText = (low: number, high: number) =>
  z.pipe(z.pipe(z.string(), z.transform(Number)), wholeNumber(low, high));

const schema = z.object({
  namespace: labelName,
  image: tapSchema.shape.image,
  'image-pull-secret': tapSchema.shape.imagePullSecret,
  deployment: z.optional(tapSchema.shape.pod),
  identity: z.string().check(z.minLength(1, 'give a name that no other controller has')),
  port: z._default(numberText(1, 65_535), 8080),
  'metrics-port': z.optional(numberText(1, 65_535)),
  'metrics-certificate': z.optional(z.string().check(z.minLength(1))),
  'log-level': z._default(z.enum(['debug', 'info', 'warn', 'error']), 'info'),
  /** What one second of an election takes; for tests. */
  'election-ms': z._default(numberText(10, 1000), 1000),
});

/** What the controller is told. */
export interface ControllerOptions {
  /** Of itself and of the taps' pods. */
  readonly namespace: string;
  readonly image: string;
  readonly imagePullSecret: string | undefined;
  /** The Deployment that the taps' pods go with; undefined: none. */
  readonly deployment: string | undefined;
  readonly identity: string;
  readonly port: number;
  /** Undefined: no metrics. */
  readonly metricsPort: number | undefined;
  /** The folder of a Secret of the type kubernetes.io/tls; undefined: a certificate that nobody vouches for. */
  readonly metricsCertificate: string | undefined;
  readonly logLevel: string;
  readonly electionMs: number;
}

/**
 * Reads the command line of the controller.
 *
 * @throws {UsageError}
 */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv): ControllerOptions {
  const text = { type: 'string' } as const;
  const options = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, text]));
  const values = read(args, options);
  const result = z.safeParse(schema, {
    namespace: env['POD_NAMESPACE'],
    identity: env['POD_NAME'] ?? hostname(),
    ...values,
  });
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UsageError(`--${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
  }
  const given = result.data;
  return {
    namespace: given.namespace,
    image: given.image,
    imagePullSecret: given['image-pull-secret'],
    deployment: given.deployment,
    identity: given.identity,
    port: given.port,
    metricsPort: given['metrics-port'],
    metricsCertificate: given['metrics-certificate'],
    logLevel: given['log-level'],
    electionMs: given['election-ms'],
  };
}

function read(args: readonly string[], options: Record<string, { type: 'string' }>) {
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
