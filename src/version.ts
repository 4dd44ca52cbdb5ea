import packageJson from '../package.json' with { type: 'json' };

/** The version of this package; the bundler copies it into the bundles. */
export const VERSION: string = packageJson.version;
