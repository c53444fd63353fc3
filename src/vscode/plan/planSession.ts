import { alternativesTo } from '../../core/fit/alternatives.ts';
import { memoryText } from '../../core/fit/bytesText.ts';
import { noCalibrations } from '../../core/fit/calibration.ts';
import type { Alternative, FitGpu, FitRequest } from '../../core/fit/fitRequest.ts';
import { cudaBytesOfCard } from '../../core/fit/gpus.ts';
import type { Planner } from '../../core/fit/planFit.ts';
import { machinePlanner } from '../../core/fit/machinePlanner.ts';
import { fitGpus } from '../../core/gpu/fitGpus.ts';
import type { PlanPageMessage } from '../../protocol/planMessages.ts';
import type { ControlsView, ModelGroupView, PlanBackend, PlanChoice, PlanState } from '../../protocol/planState.ts';
import { cards } from './cards.ts';
import { catalogueId } from './catalogueModels.ts';
import { CurveMaker } from './curveMaker.ts';
import { flagTexts, machineNotice, machineOption, remoteNotice } from './planWords.ts';
import { ModelSlot } from './modelSlot.ts';
import { alternativeView, planView } from './planView.ts';
import { targetOf, type Machine, type PlanTarget, type ServersHere } from './planTarget.ts';
import { addressId } from './readModels.ts';
import {
  besideRequest,
  cacheTypesOf,
  choiceOf,
  contextStepsOf,
  formatFor,
  formatsOf,
  requestOf,
  type PlanModel,
  withoutUndefined,
} from './planRequest.ts';

/** A model that can be chosen, and how it is read then. */
export interface ModelSource {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  /** The server that has it: what it is planned for when it is chosen. */
  readonly backend?: PlanBackend;
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
  readMachine(): Promise<Machine>;
  /** Those that were found. */
  servers(): ServersHere;
  /** The id of a file that the user picks; undefined: none. */
  pickFile(): Promise<string | undefined>;
  copy(text: string): void;
  /** Forgets what loads of a model took. */
  forget(of: string): Promise<void>;
  /** For the next time, soon after it was chosen. */
  keep(choice: PlanChoice): void;
  post(part: Partial<PlanState>): void;
}

export const firstChoice: PlanChoice = { backend: 'ollama', gpuId: 'machine', vramGib: 12, gpuCount: 1 };

const roles = ['modelId', 'draftId', 'besideId'] as const;
type Role = (typeof roles)[number];

/** An address with a query, or with a name before its host, may hold a token: it is not kept. */
function withoutTokens({ modelId, draftId, besideId, ...rest }: PlanChoice): PlanChoice {
  const kept = (id: string | undefined) =>
    id === undefined || /^file:https?:\/\/(?:[^/]*@|[^#]*\?)/i.test(id) ? undefined : id;
  return {
    ...rest,
    ...withoutUndefined({ modelId: kept(modelId), draftId: kept(draftId), besideId: kept(besideId) }),
  };
}

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
  readonly #models: Readonly<Record<Role, ModelSlot>>;
  /** Undefined: not looked yet. */
  #machine: Machine | undefined;
  #request: FitRequest | undefined;
  /** The model whose load the plan is corrected by. */
  #measuredOf: string | undefined;
  /** What the curve was made for, beside the request. */
  #curveBeside: readonly unknown[] = [];
  #alternatives: readonly Alternative[] = [];
  #shown: PlanState;
  #soon: NodeJS.Immediate | undefined;
  #rest: NodeJS.Timeout | undefined;

  constructor(outside: PlanSurroundings, choice: Partial<PlanChoice> = {}) {
    this.#outside = outside;
    this.#choice = { ...firstChoice, ...choice };
    const slot = (role: Role) =>
      new ModelSlot(
        () => this.#source(this.#choice[role]),
        () => this.#planSoon(),
        this.#closed.signal,
      );
    this.#models = { modelId: slot('modelId'), draftId: slot('draftId'), besideId: slot('besideId') };
    this.#curve = new CurveMaker((curve) => this.#show({ curve }));
    const models = { isLooking: true, groups: [] };
    this.#shown = { models, controls: this.#controls(), plan: null, curve: null, alternatives: [] };
    this.#load();
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
        return this.#open(await this.#outside.pickFile());
      case 'openAddress':
        return this.#open(addressId(message.address));
      case 'forgetMeasured':
        return this.#forget();
      case 'lookAgain':
        return this.#look();
    }
  }

  /** Of the list, or by its name in the catalogue. */
  chooseModel(modelId: string): void {
    this.#choose(this.#seen, { modelId });
  }

  #open(id: string | undefined): void {
    const source = id === undefined ? undefined : this.#source(id);
    if (!source) return;
    if (!this.#sources().some((one) => one.id === source.id)) this.#picked = [source, ...this.#picked];
    this.#showModels();
    this.chooseModel(source.id);
  }

  async #forget(): Promise<void> {
    if (this.#measuredOf === undefined) return;
    await this.#outside.forget(this.#measuredOf);
    await this.#readMachine();
  }

  #choose(number: number, change: Partial<PlanChoice>): void {
    this.#seen = number;
    const isOther = change.modelId !== undefined && change.modelId !== this.#choice.modelId;
    const backend = isOther ? (change.backend ?? this.#source(change.modelId)?.backend) : change.backend;
    const isOtherServer = backend !== undefined && backend !== this.#choice.backend;
    // What was right for one model is not for another, and flags are those of one server.
    if (isOther) this.#choice = without(this.#choice, 'format', 'contextTokens', 'flags', 'draftId');
    else if (isOtherServer) this.#choice = without(this.#choice, 'flags');
    this.#choice = withoutEmpty({ ...this.#choice, ...change, ...(backend === undefined ? {} : { backend }) });
    this.#load(change);
    this.#planSoon();
  }

  #take(number: number, id: string): void {
    this.#seen = number;
    const alternative = this.#alternatives[Number(id)];
    const modelId = this.#choice.modelId;
    if (alternative && this.#request && modelId !== undefined) {
      const { request, change } = alternative;
      const other = change === 'model' ? catalogueId(request.model.facts.name ?? '') : undefined;
      this.#choice = choiceOf(request, this.#request, this.#choice, other ?? modelId);
      this.#load();
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
    const model = this.#models.modelId.model;
    const draft = this.#models.draftId.model;
    const target = this.#target;
    this.#request = model && requestOf(model, this.#choice, this.#gpus(target), target.known, draft);
    const planner = this.#planner(target);
    const plan = this.#request && planner(this.#request);
    this.#measuredOf = plan?.measuredBy?.of;
    const planned = plan && { ...plan, doubts: [...plan.doubts, ...target.notes] };
    this.#show({ controls: this.#controls(), plan: planned ? planView(planned) : null });
    const beside = [this.#machine, this.#models.besideId.model];
    const isBesideOthers = beside.some((one, index) => one !== this.#curveBeside[index]);
    if (!this.#request || !model) this.#curve.clear();
    else if (!before || isBesideOthers || differsBeyondContext(before, this.#request)) {
      this.#curve.make(this.#request, contextStepsOf(model.facts), planner);
    }
    this.#curveBeside = beside;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#outside.keep(withoutTokens(this.#choice));
      this.#alternatives = this.#request && plan ? alternativesTo(this.#request, plan, planner) : [];
      this.#show({ alternatives: this.#alternatives.map((one, index) => alternativeView(one, String(index))) });
    }, restMs);
  }

  #planner({ cards, known }: PlanTarget): Planner {
    const { calibrations = noCalibrations, loaded = [] } = this.#machine ?? {};
    const second = this.#models.besideId.model;
    const beside = second && besideRequest(second, this.#choice, known);
    return machinePlanner({ cards, loaded, calibrations }, beside);
  }

  get #target(): PlanTarget {
    return targetOf(this.#choice, this.#outside.servers(), this.#machine, this.#models.modelId.model);
  }

  async #look(): Promise<void> {
    const { signal } = this.#closed;
    this.#isLooking = true;
    this.#showModels();
    const found = (groups: readonly ModelGroup[]) => {
      this.#groups = groups;
      this.#showModels();
      this.#load();
    };
    // What a server has loaded is asked of those that were found.
    await Promise.allSettled([this.#readMachine(), this.#outside.findModels(found, signal)]);
    await this.#readMachine().catch(() => undefined);
    this.#isLooking = false;
    this.#showModels();
    this.#planSoon();
  }

  async #readMachine(): Promise<void> {
    this.#machine = await this.#outside.readMachine();
    this.#planSoon();
  }

  /** What is chosen and not read yet; also what was chosen before the window was loaded anew, as soon as it is found. */
  #load(change: Partial<PlanChoice> = {}): void {
    for (const role of roles) this.#models[role].load(change[role] !== undefined);
  }

  #sources(): readonly ModelSource[] {
    return [...this.#picked, ...this.#groups.flatMap(({ models }) => models)];
  }

  #source(id: string | undefined): ModelSource | undefined {
    if (id === undefined) return undefined;
    return this.#sources().find((one) => one.id === id) ?? this.#outside.source(id);
  }

  #gpus({ cards }: PlanTarget): readonly FitGpu[] {
    const { gpuId, gpuCount, vramGib } = this.#choice;
    if (gpuId === 'machine') return fitGpus(cards ?? []);
    const gpu =
      gpuId === 'size'
        ? { name: `${vramGib} GiB`, totalBytes: vramGib * 1024 ** 3 }
        : { name: gpuId, totalBytes: cudaBytesOfCard(gpuId) ?? 0 };
    return gpu.totalBytes > 0 ? Array<FitGpu>(gpuCount).fill(gpu) : [];
  }

  #notice({ remote }: PlanTarget): string {
    return remote === undefined ? machineNotice(this.#machine) : remoteNotice(this.#choice.backend, remote);
  }

  #controls(): ControlsView {
    const { backend } = this.#choice;
    const { modelId: slot, draftId: draftSlot, besideId: besideSlot } = this.#models;
    const { model } = slot;
    const format = model && formatFor(model, backend, this.#choice.format);
    const cacheTypes = cacheTypesOf(backend);
    const target = this.#target;
    const told = target.known.environment?.cacheType;
    const cacheType = cacheTypes.find((type) => type === (this.#choice.cacheType ?? told)) ?? cacheTypes[0];
    const { modelId, contextTokens, flags, gpuId, vramGib, gpuCount, draftId, besideId } = this.#choice;
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
        ...(draftId === undefined ? {} : { draftId }),
        ...(besideId === undefined ? {} : { besideId }),
      },
      model: slot.view,
      draft: backend === 'ollama' ? null : draftSlot.view,
      beside: besideSlot.view,
      formats: model
        ? formatsOf(model, backend).map(({ id, label, bytes }) => ({ id, label, detail: memoryText(bytes) }))
        : [],
      cacheTypes: cacheTypes.map((id) => ({ id, label: id === 'auto' ? '16 bits' : id, detail: '' })),
      gpus: [machineOption(this.#machine), ...cards, { id: 'size', label: 'Another size…', detail: '' }],
      gpuNotice: gpuId === 'machine' ? this.#notice(target) : '',
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

/** The page says “none” by an empty id. */
function withoutEmpty(choice: PlanChoice): PlanChoice {
  const empty = (['draftId', 'besideId'] as const).filter((key) => choice[key] === '');
  return without(choice, ...empty);
}

function differsBeyondContext(one: FitRequest, other: FitRequest): boolean {
  const key = ({ model, draft, server, gpus }: FitRequest) =>
    JSON.stringify([model.name, model.fileType, model.scheme, draft?.name, { ...server, contextTokens: 0 }, gpus]);
  return one.model.facts !== other.model.facts || key(one) !== key(other);
}
