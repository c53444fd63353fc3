import { alternativesTo } from '../../core/fit/alternatives.ts';
import { memoryText } from '../../core/fit/bytesText.ts';
import type { Alternative, FitGpu, FitRequest } from '../../core/fit/fitRequest.ts';
import { cudaBytesOfCard } from '../../core/fit/gpus.ts';
import { planFit } from '../../core/fit/planFit.ts';
import { fitGpus } from '../../core/gpu/fitGpus.ts';
import type { GpuReading } from '../../core/gpu/gpuReading.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { PlanPageMessage } from '../../protocol/planMessages.ts';
import type { ChosenModelView, ControlsView, ModelGroupView, PlanChoice, PlanState } from '../../protocol/planState.ts';
import { cards } from './cards.ts';
import { catalogueId } from './catalogueModels.ts';
import { CurveMaker } from './curveMaker.ts';
import { flagTexts, machineNotice, machineOption, remoteNotice } from './planWords.ts';
import { alternativeView, planView } from './planView.ts';
import {
  cacheTypesOf,
  choiceOf,
  contextStepsOf,
  formatFor,
  formatsOf,
  requestOf,
  type PlanModel,
} from './planRequest.ts';

/** A model that can be chosen, and how it is read then. */
export interface ModelSource {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  /** @throws Error with a sentence for the user */
  load(signal: AbortSignal): Promise<PlanModel>;
}

export interface ModelGroup {
  readonly label: string;
  readonly models: readonly ModelSource[];
}

/** Where a session takes things from, and where it puts them. */
export interface PlanSurroundings {
  /** What there is to choose, told again whenever more was found. Resolves when all was looked through. */
  findModels(found: (groups: readonly ModelGroup[]) => void, signal: AbortSignal): Promise<void>;
  /** One that is in no list. */
  source(id: string): ModelSource | undefined;
  readGpus(): Promise<MachineGpus>;
  /** The Ollama that was found. */
  ollama(): OllamaHere;
  /** The id of a file that the user picks; undefined: none. */
  pickFile(): Promise<string | undefined>;
  copy(text: string): void;
  /** For the next time, soon after it was chosen. */
  keep(choice: PlanChoice): void;
  post(part: Partial<PlanState>): void;
}

export interface MachineGpus {
  /** Undefined: the user wants no look. */
  readonly reading: GpuReading | undefined;
  /** What Ollama has loaded, and would take out for another model. */
  readonly evictedBytes: number;
}

export interface OllamaHere {
  readonly version?: string;
  /** Its host, where that is not this machine: then the GPU of this machine is not its own. */
  readonly remote?: string;
}

export const firstChoice: PlanChoice = { backend: 'ollama', gpuId: 'machine', vramGib: 12, gpuCount: 1 };

/** The slider has come to rest when it was still for so long: what is too much work for every step of it comes then. */
const restMs = 150;

/** What somebody plans in one panel: the choices, the model they are about, and the plan that follows. */
export class PlanSession {
  readonly #outside: PlanSurroundings;
  readonly #closed = new AbortController();
  readonly #curve: CurveMaker;
  #choice: PlanChoice;
  #seen = 0;
  #groups: readonly ModelGroup[] = [];
  /** Picked from the disk, so in no list that is looked through. */
  #picked: readonly ModelSource[] = [];
  #isLooking = true;
  #model: PlanModel | undefined;
  #modelView: ChosenModelView = { state: 'none', name: '', detail: '' };
  /** Undefined: not looked yet. */
  #machine: MachineGpus | undefined;
  #request: FitRequest | undefined;
  #alternatives: readonly Alternative[] = [];
  #shown: PlanState;
  #soon: NodeJS.Immediate | undefined;
  #rest: NodeJS.Timeout | undefined;

  constructor(outside: PlanSurroundings, choice: Partial<PlanChoice> = {}) {
    this.#outside = outside;
    this.#choice = { ...firstChoice, ...choice };
    this.#curve = new CurveMaker((curve) => this.#show({ curve }));
    const models = { isLooking: true, groups: [] };
    this.#shown = { models, controls: this.#controls(), plan: null, curve: null, alternatives: [] };
    this.#loadKept();
    void this.#look();
  }

  dispose(): void {
    this.#closed.abort();
    this.#curve.dispose();
    clearImmediate(this.#soon);
    clearTimeout(this.#rest);
  }

  async receive(message: PlanPageMessage): Promise<void> {
    switch (message.type) {
      case 'ready':
        // A page that begins anew counts anew.
        this.#seen = 0;
        this.#shown = { ...this.#shown, controls: this.#controls() };
        return this.#outside.post(this.#shown);
      case 'choose':
        return this.#choose(message.number, message.change);
      case 'takeAlternative':
        return this.#take(message.number, message.id);
      case 'copyCommand':
        return this.#outside.copy(this.#shown.plan?.command ?? '');
      case 'openFile':
        return this.#openFile();
      case 'lookAgain':
        return this.#look();
    }
  }

  /** Of the list, or by its name in the catalogue. */
  chooseModel(modelId: string): void {
    this.#choose(this.#seen, { modelId });
  }

  async #openFile(): Promise<void> {
    const id = await this.#outside.pickFile();
    const source = id === undefined ? undefined : this.#source(id);
    if (!source) return;
    if (!this.#sources().some((one) => one.id === source.id)) this.#picked = [source, ...this.#picked];
    this.#showModels();
    this.chooseModel(source.id);
  }

  #choose(number: number, change: Partial<PlanChoice>): void {
    this.#seen = number;
    const isOther = change.modelId !== undefined && change.modelId !== this.#model?.id;
    const isOtherServer = change.backend !== undefined && change.backend !== this.#choice.backend;
    // What was right for one model is not for another, and flags are those of one server.
    if (isOther) this.#choice = without(this.#choice, 'format', 'contextTokens', 'flags');
    else if (isOtherServer) this.#choice = without(this.#choice, 'flags');
    this.#choice = { ...this.#choice, ...change };
    if (isOther) void this.#load();
    this.#planSoon();
  }

  #take(number: number, id: string): void {
    this.#seen = number;
    const alternative = this.#alternatives[Number(id)];
    if (alternative && this.#request && this.#model) {
      const { request, change } = alternative;
      const other = change === 'model' ? catalogueId(request.model.facts.name ?? '') : undefined;
      this.#choice = choiceOf(request, this.#request, this.#choice, other ?? this.#model.id);
      if (other !== undefined) void this.#load();
    }
    this.#planSoon();
  }

  /** Once for all messages that have arrived. */
  #planSoon(): void {
    if (this.#closed.signal.aborted) return;
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      this.#plan();
    });
  }

  #plan(): void {
    const before = this.#request;
    const { version } = this.#choice.backend === 'ollama' ? this.#outside.ollama() : {};
    this.#request = this.#model && requestOf(this.#model, this.#choice, this.#gpus(), version);
    const plan = this.#request && planFit(this.#request);
    this.#show({ controls: this.#controls(), plan: plan ? planView(plan) : null });
    if (!this.#request || !this.#model) this.#curve.clear();
    else if (!before || differsBeyondContext(before, this.#request)) {
      this.#curve.make(this.#request, contextStepsOf(this.#model.facts));
    }
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#outside.keep(this.#choice);
      this.#alternatives = this.#request && plan ? alternativesTo(this.#request, plan) : [];
      this.#show({ alternatives: this.#alternatives.map((one, index) => alternativeView(one, String(index))) });
    }, restMs);
  }

  async #look(): Promise<void> {
    const { signal } = this.#closed;
    this.#isLooking = true;
    this.#showModels();
    const found = (groups: readonly ModelGroup[]) => {
      this.#groups = groups;
      this.#showModels();
      this.#loadKept();
    };
    const gpus = this.#outside.readGpus().then((machine) => {
      this.#machine = machine;
      this.#planSoon();
    });
    await Promise.allSettled([gpus, this.#outside.findModels(found, signal)]);
    this.#isLooking = false;
    this.#showModels();
    this.#planSoon();
  }

  /** What was chosen before the window was loaded anew, as soon as it is found. */
  #loadKept(): void {
    if (this.#choice.modelId !== undefined && this.#modelView.state === 'none') void this.#load();
  }

  async #load(): Promise<void> {
    const id = this.#choice.modelId;
    const source = this.#source(id);
    if (!source) return;
    this.#modelView = { state: 'reading', name: source.label, detail: 'Being read …' };
    this.#planSoon();
    try {
      const model = await source.load(this.#closed.signal);
      if (this.#choice.modelId !== id) return;
      this.#model = model;
      this.#modelView = { state: 'ready', name: source.label, detail: model.detail };
    } catch (error) {
      if (this.#choice.modelId !== id) return;
      this.#model = undefined;
      this.#modelView = { state: 'failed', name: source.label, detail: errorText(error) };
    }
    this.#planSoon();
  }

  #sources(): readonly ModelSource[] {
    return [...this.#picked, ...this.#groups.flatMap(({ models }) => models)];
  }

  #source(id: string | undefined): ModelSource | undefined {
    if (id === undefined) return undefined;
    return this.#sources().find((one) => one.id === id) ?? this.#outside.source(id);
  }

  #gpus(): readonly FitGpu[] {
    const { gpuId, gpuCount, vramGib } = this.#choice;
    if (gpuId === 'machine') return this.#isRemote() ? [] : gpusOf(this.#machine, this.#choice.backend);
    const gpu =
      gpuId === 'size'
        ? { name: `${vramGib} GiB`, totalBytes: vramGib * 1024 ** 3 }
        : { name: gpuId, totalBytes: cudaBytesOfCard(gpuId) ?? 0 };
    return gpu.totalBytes > 0 ? Array<FitGpu>(gpuCount).fill(gpu) : [];
  }

  #notice(): string {
    const { remote } = this.#outside.ollama();
    return this.#isRemote() && remote !== undefined ? remoteNotice(remote) : machineNotice(this.#machine);
  }

  #isRemote(): boolean {
    return this.#choice.backend === 'ollama' && this.#outside.ollama().remote !== undefined;
  }

  #controls(): ControlsView {
    const { backend } = this.#choice;
    const model = this.#model;
    const format = model && formatFor(model, backend, this.#choice.format);
    const cacheTypes = cacheTypesOf(backend);
    const cacheType = cacheTypes.find((type) => type === this.#choice.cacheType) ?? cacheTypes[0];
    const { modelId, contextTokens, flags, gpuId, vramGib, gpuCount } = this.#choice;
    return {
      seen: this.#seen,
      choice: {
        ...(modelId === undefined ? {} : { modelId }),
        backend,
        ...(format === undefined ? {} : { format }),
        ...(cacheType === undefined ? {} : { cacheType }),
        ...(contextTokens === undefined ? {} : { contextTokens }),
        ...(flags === undefined ? {} : { flags }),
        gpuId,
        vramGib,
        gpuCount,
      },
      model: this.#modelView,
      formats: model
        ? formatsOf(model, backend).map(({ id, label, bytes }) => ({ id, label, detail: memoryText(bytes) }))
        : [],
      cacheTypes: cacheTypes.map((id) => ({ id, label: id === 'auto' ? '16 bits' : id, detail: '' })),
      gpus: [machineOption(this.#machine), ...cards, { id: 'size', label: 'Another size…', detail: '' }],
      gpuNotice: gpuId === 'machine' ? this.#notice() : '',
      flags: flagTexts(flags),
      contextSteps: model ? contextStepsOf(model.facts) : [],
    };
  }

  #showModels(): void {
    const groups: readonly ModelGroup[] = [
      ...(this.#picked.length > 0 ? [{ label: 'Opened files', models: this.#picked }] : []),
      ...this.#groups,
    ];
    const views = groups.map(({ label, models }): ModelGroupView => ({
      label,
      models: models.map((model) => ({ id: model.id, label: model.label, detail: model.detail })),
    }));
    this.#show({ models: { isLooking: this.#isLooking, groups: views } });
  }

  #show(part: Partial<PlanState>): void {
    if (this.#closed.signal.aborted) return;
    this.#shown = { ...this.#shown, ...part };
    this.#outside.post(part);
  }
}

function without(choice: PlanChoice, ...keys: readonly (keyof PlanChoice)[]): PlanChoice {
  const kept = Object.entries(choice).filter(([key]) => !keys.some((left) => left === key));
  return Object.fromEntries(kept) as unknown as PlanChoice;
}

/** What Ollama holds it frees for another model. */
function gpusOf(machine: MachineGpus | undefined, backend: PlanChoice['backend']): readonly FitGpu[] {
  if (machine?.reading?.state !== 'gpus') return [];
  return fitGpus(machine.reading.gpus, backend === 'ollama' ? machine.evictedBytes : 0);
}

function differsBeyondContext(one: FitRequest, other: FitRequest): boolean {
  const key = ({ model, server, gpus }: FitRequest) =>
    JSON.stringify([model.name, model.fileType, model.scheme, { ...server, contextTokens: 0 }, gpus]);
  return one.model.facts !== other.model.facts || key(one) !== key(other);
}
