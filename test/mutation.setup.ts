import { globSync } from 'node:fs';
import path from 'node:path';

/*
 * Loads what is mutated before the tests begin. A module that a test loads itself would count as covered by that test alone,
 * and a mutant in what the module computes when it is loaded as one that no test notices.
 */
for (const pattern of ['src/{capture,filter,pcapng,pods,spec,tap}/**/*.ts', 'src/controller/decide/*.ts'])
  for (const file of globSync(pattern)) await import(path.resolve(file));
