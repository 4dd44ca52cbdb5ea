import { describe, expect, test } from 'vitest';
import { ruleNaming } from '#src/tap/path/outputRules.ts';

const tunnel = { port: 4789, remote: '10.0.0.2' };

/** As `nft --numeric --stateless list ruleset` prints a table. */
function table(chains: Readonly<Record<string, readonly string[]>>, family = 'ip', before = ''): string {
  const all = Object.entries(chains).map(([name, lines]) =>
    [`\tchain ${name} {`, ...lines.map((line) => `\t\t${line}`), '\t}', ''].join('\n'),
  );
  return `table ${family} some {\n${before}${all.join('\n')}}\n`;
}

const output = 'type filter hook output priority 0; policy accept;';
const postrouting = 'type nat hook postrouting priority 100; policy accept;';

describe('a rule on the way out names the tunnel', () => {
  test.for([
    'udp dport 4789 drop',
    'udp dport { 53, 4789 } drop',
    'udp dport 4000-5000 meta mark set 0x00000001',
    'meta l4proto { tcp, udp } th dport 4789 drop',
    '@th,16,16 0x12b5 drop',
    'ip daddr 10.0.0.2 drop',
    'ip daddr 10.0.0.0/24 meta mark set 0x00000001 accept',
    'ip daddr 10.0.0.1-10.0.0.9 masquerade',
    'ip daddr { 10.9.9.9, 10.0.0.2 } counter drop',
    'ip daddr 10.0.0.2 jump others',
    'udp dport 4789 log prefix "seen" accept',
  ])('%s', (rule) => {
    expect(ruleNaming(table({ out: [output, rule], others: [] }), tunnel)).toBe(rule.replace('"seen"', '""'));
    expect(ruleNaming(table({ post: [postrouting, rule], others: [] }, 'inet'), tunnel)).toBeDefined();
  });

  test('in a chain that others lead to', () => {
    const rule = 'udp dport 4789 drop';
    const chains = { out: [output, 'jump first'], first: ['meta mark 1 goto second'], second: [rule] };
    expect(ruleNaming(table(chains), tunnel)).toBe(rule);
    const byMap = { out: [output, 'meta l4proto vmap { 17 : jump second, 6 : accept }'], second: [rule] };
    expect(ruleNaming(table(byMap), tunnel)).toBe(rule);
    const ofSet = '\tmap ways {\n\t\ttype inet_proto : verdict\n\t\telements = { 17 : goto second }\n\t}\n\n';
    const byNamedMap = { out: [output, 'meta l4proto vmap @ways'], second: [rule] };
    expect(ruleNaming(table(byNamedMap, 'inet', ofSet), tunnel)).toBe(rule);
  });

  test('by a set', () => {
    const sets = [
      '\tset ports {\n\t\ttype inet_service\n\t\telements = { 53, 4789 }\n\t}\n\n',
      '\tset peers {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 192.0.2.0/24,\n\t\t\t     10.0.0.0/30 }\n\t}\n\n',
    ].join('');
    expect(ruleNaming(table({ out: [output, 'udp dport @ports drop'] }, 'ip', sets), tunnel)).toBeDefined();
    expect(ruleNaming(table({ out: [output, 'ip daddr @peers drop'] }, 'ip', sets), tunnel)).toBeDefined();
  });
});

describe('no rule on the way out names the tunnel', () => {
  test.for([
    'tcp dport 4789 drop',
    'udp dport 53 drop',
    'udp dport 4789 accept',
    'udp dport 4789 notrack',
    'ip daddr 10.0.0.0/8 return',
    'ip daddr != 10.0.0.0/8 masquerade',
    'ip saddr 10.0.0.2 drop',
    'ip daddr 10.0.0.3 drop',
    'meta mark & 0x00004000 == 0x00004000 masquerade',
    'oifname "eth4789" counter comment "udp dport 4789 drop"',
  ])('%s', (rule) => {
    expect(ruleNaming(table({ out: [output, rule] }), tunnel)).toBeUndefined();
  });

  test('where it is on the way in, in a chain that nothing leads to, or of another family', () => {
    const rule = 'udp dport 4789 drop';
    const input = 'type filter hook input priority 0; policy accept;';
    expect(ruleNaming(table({ in: [input, rule], alone: [rule] }), tunnel)).toBeUndefined();
    expect(ruleNaming(table({ out: [output, rule] }, 'ip6'), tunnel)).toBeUndefined();
    expect(ruleNaming('', tunnel)).toBeUndefined();
  });
});
