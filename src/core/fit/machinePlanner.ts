import type { LoadedModel } from '../clients/llmClient.ts';
import { roomsFor } from '../gpu/fitGpus.ts';
import type { GpuState } from '../gpu/gpuReading.ts';
import { planCalibrated, type Calibrations } from './calibration.ts';
import type { FitRequest } from './fitRequest.ts';
import type { Planner } from './planFit.ts';
import { planBeside } from './planTogether.ts';
import { planWithLoaded } from './unloading.ts';

/** What plans for this machine are made with. */
export interface PlannedMachine {
  /** Those that the plan is for; undefined: it is for others. */
  readonly cards: readonly GpuState[] | undefined;
  /** What its Ollama has in memory. */
  readonly loaded: readonly LoadedModel[];
  /** What loads took here. */
  readonly calibrations: Calibrations;
}

/**
 * Plans corrected by what loads of this machine took, beside what its Ollama has loaded or in place of it, and with a second model at the same time where one is given. A
 * request for another number of GPUs than the machine has is for another machine.
 */
export function machinePlanner({ cards, loaded, calibrations }: PlannedMachine, second?: FitRequest): Planner {
  const measured: Planner = (request) => planCalibrated(request, calibrations);
  const one: Planner = (request) =>
    second && second.server.kind === request.server.kind ? planBeside(request, second, measured) : measured(request);
  if (!cards) return one;
  return (request) => {
    // Of other servers none of Ollama's models is their own.
    const own = request.server.kind === 'ollama' ? [request.model, ...(second ? [second.model] : [])] : [];
    const names = own.map(({ name }) => name);
    const rooms = roomsFor(names, cards, loaded);
    return rooms.beside.length === request.gpus.length ? planWithLoaded(request, rooms, one) : one(request);
  };
}
