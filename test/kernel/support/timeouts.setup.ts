import { vi } from 'vitest';
import { scaled } from './speed.ts';

vi.setConfig({ testTimeout: scaled(180_000), hookTimeout: scaled(60_000) });
