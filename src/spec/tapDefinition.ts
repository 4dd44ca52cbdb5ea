import * as z from 'zod/mini';
import { TAP_GROUP, TAP_KIND, TAP_VERSION, tapSpecSchema, tapStatusSchema } from './tapResource.ts';

/** An OpenAPI schema as a CustomResourceDefinition takes it, as far as it is changed here. */
interface Schema {
  [key: string]: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
}

/** What a schema cannot say: in the Common Expression Language, each with what to do. */
const RULES: readonly { readonly at: readonly string[]; readonly rule: string; readonly message: string }[] =
  [
    {
      at: [],
      rule: '!(self.mirrorInterface in self.interfaces)',
      message: 'mirrorInterface is one of interfaces too: give another name',
    },
    {
      at: ['interfaces'],
      rule: "self.size() == 1 || !('all' in self)",
      message: 'all means every interface: give it alone',
    },
    {
      at: ['targets'],
      rule: 'has(self.selector) != has(self.ref)',
      message: 'give exactly one of selector and ref',
    },
    {
      at: ['destination'],
      rule: '[has(self.nodeName), has(self.podRef), has(self.address)].exists_one(given, given)',
      message: 'give exactly one of nodeName, podRef and address',
    },
    {
      at: ['destination'],
      rule: 'self == oldSelf',
      message: 'the destination of a Tap cannot be changed: delete the Tap and make another',
    },
    {
      at: ['mirrorInterface'],
      rule: "!(self in ['.', '..', 'all', 'default'])",
      message: 'no interface can have this name: give another, such as mirror',
    },
    {
      at: ['duration'],
      rule: "self != '' && duration(self) >= duration('1s')",
      message: 'give a time of a second or more, such as 30m or 1h30m',
    },
  ];

const COLUMNS = [
  { name: 'Targets', type: 'string', jsonPath: '.status.targets.summary', description: 'copied / selected' },
  { name: 'Destination', type: 'string', jsonPath: '.status.destination' },
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
    priority: 1,
  },
  { name: 'Filter', type: 'string', jsonPath: '.spec.filter', priority: 1 },
  { name: 'Ends', type: 'string', jsonPath: '.status.endsAt', priority: 1 },
];

/** The CustomResourceDefinition of Taps, made of the schemas that the controller reads them with. */
export function tapDefinition(): object {
  const spec = openApi(tapSpecSchema);
  for (const { at, rule, message } of RULES) addRule(schemaAt(spec, at), { rule, message });
  setOf(schemaAt(spec, ['interfaces']));
  const status = openApi(tapStatusSchema);
  const conditions = schemaAt(status, ['conditions']);
  conditions['x-kubernetes-list-type'] = 'map';
  conditions['x-kubernetes-list-map-keys'] = ['type'];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `taps.${TAP_GROUP}`, labels: { 'app.kubernetes.io/name': 'kokotap' } },
    spec: {
      group: TAP_GROUP,
      scope: 'Namespaced',
      names: {
        kind: TAP_KIND,
        listKind: `${TAP_KIND}List`,
        plural: 'taps',
        singular: 'tap',
        shortNames: ['ktap'],
        categories: ['kokotap'],
      },
      versions: [
        {
          name: TAP_VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: COLUMNS,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description:
                'A Tap copies the packets of pods of its namespace, live and whole, to an interface of a node, or to an address outside the cluster. It follows the pods as they come and go.',
              required: ['spec'],
              properties: { spec, status },
            },
          },
        },
      ],
    },
  };
}

function openApi(schema: z.ZodMiniType): Schema {
  // As text and back: the library's type has schemas of other kinds too.
  const made: Schema = JSON.parse(
    JSON.stringify(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' })),
  );
  return structural(made);
}

/** What structural schemas do not have. A record's names are any; of an object none but its own are kept. */
function structural(schema: Schema): Schema {
  const { properties, items, additionalProperties, $schema: _, ...rest } = schema;
  return {
    ...rest,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, each]) => [name, structural(each)]),
          ),
        }),
    ...(items === undefined ? {} : { items: structural(items) }),
    ...(properties === undefined && additionalProperties !== undefined ? { additionalProperties } : {}),
  };
}

function schemaAt(schema: Schema, at: readonly string[]): Schema {
  return at.reduce((inner, name) => {
    const next = inner.properties?.[name];
    if (next === undefined) throw new Error(`the schema has no ${name}`);
    return next;
  }, schema);
}

function addRule(schema: Schema, rule: object): void {
  const before = schema['x-kubernetes-validations'];
  schema['x-kubernetes-validations'] = [...(Array.isArray(before) ? before : []), rule];
}

function setOf(schema: Schema): void {
  schema['x-kubernetes-list-type'] = 'set';
}
