import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import type { ServerMemory } from './serverMemory.ts';

/** What every client is made of. */
export interface ClientContext {
  readonly settings: Settings;
  readonly host: CoreHost;
  /** One for the program. */
  readonly memory: ServerMemory;
}
