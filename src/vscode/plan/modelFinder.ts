import { catalogueNames } from '../../core/fit/catalogue.ts';
import type { Log } from '../../core/host.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { catalogueModel } from './catalogueModels.ts';
import type { ModelGroup, ModelSource } from './planSession.ts';

export interface ModelFinderParts {
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly log: Log;
}

/** Looks for models to plan with: on the servers that run, in the workspace, in the catalogue. */
export class ModelFinder {
  readonly #parts: ModelFinderParts;
  /** Of the server that was found last. */
  ollamaVersion: string | undefined;

  constructor(parts: ModelFinderParts) {
    this.#parts = parts;
  }

  find(found: (groups: readonly ModelGroup[]) => void): Promise<void> {
    const catalogue: ModelGroup = { label: 'Catalogue', models: catalogueNames.map(catalogueModel) };
    found([catalogue]);
    return Promise.resolve();
  }

  pickFile(): Promise<ModelSource | undefined> {
    return Promise.resolve(undefined);
  }
}
