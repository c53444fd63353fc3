import assert from 'node:assert/strict';
import { GpuMonitor, type StartTimer } from '../../../../src/core/gpu/gpuMonitor.ts';
import type { GpuSnapshot } from '../../../../src/core/gpu/gpuText.ts';
import { createNodeGpuHost } from '../../../../src/core/gpu/nodeGpuHost.ts';
import type { ServerUse } from '../../../../src/core/gpu/serverUse.ts';
import { NvidiaSmi, type Situation } from '../../../support/nvidiaSmi.ts';

const second = 1000;

/** A clock that stands still until it is moved, with at most one timer. */
class Clock {
  nowMs = 1_700_000_000_000;
  #timer: { readonly atMs: number; readonly run: () => void } | undefined;

  readonly startTimer: StartTimer = (delayMs, run) => {
    assert.equal(this.#timer, undefined, 'one timer at a time');
    const timer = { atMs: this.nowMs + delayMs, run };
    this.#timer = timer;
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  };

  /** Until the next look, in milliseconds; undefined: none is planned. */
  get dueInMs(): number | undefined {
    return this.#timer && this.#timer.atMs - this.nowMs;
  }

  /** Goes to the next look, and lets it begin. */
  ring(): void {
    const timer = this.#timer ?? assert.fail('no look is planned');
    this.#timer = undefined;
    this.nowMs = timer.atMs;
    timer.run();
  }
}

describe('The monitor of the GPUs', () => {
  let smi: NvidiaSmi;
  let clock: Clock;
  let monitor: GpuMonitor;
  let server: ServerUse | undefined;
  let serverLooks: number;
  let changes: ((snapshot: GpuSnapshot) => void)[];
  const seen: GpuSnapshot[] = [];

  beforeEach(() => {
    smi = new NvidiaSmi('rtx-3060-idle');
    clock = new Clock();
    server = undefined;
    serverLooks = 0;
    changes = [];
    seen.length = 0;
    const host = createNodeGpuHost({
      platform: 'linux',
      environment: smi.environment,
      root: smi.root,
      limitMs: 60_000,
    });
    monitor = new GpuMonitor({
      host: { ...host, now: () => clock.nowMs },
      readServer: () => {
        serverLooks++;
        return Promise.resolve(server);
      },
      startTimer: clock.startTimer,
      onChange: (snapshot) => {
        seen.push(snapshot);
        changes.shift()?.(snapshot);
      },
    });
  });
  afterEach(() => {
    monitor.dispose();
    smi.remove();
  });

  /** The planned look, to its end and until the next one is planned. */
  const look = async (): Promise<GpuSnapshot> => {
    const changed = new Promise<GpuSnapshot>((resolve) => changes.push(resolve));
    clock.ring();
    const snapshot = await changed;
    await new Promise(setImmediate);
    return snapshot;
  };
  const sleeper = (status: string) => {
    const files = { class: '0x030000', vendor: '0x10de', 'power/control': 'auto', 'power/runtime_status': status };
    for (const [name, text] of Object.entries(files)) smi.file(`sys/bus/pci/devices/0000:01:00.0/${name}`, `${text}\n`);
  };

  it('does nothing while nobody watches, whatever runs', () => {
    monitor.setBusy(true);
    monitor.setBusy(false);
    assert.equal(clock.dueInMs, undefined);
    assert.deepEqual(smi.calls(), []);
  });

  it('looks at once when somebody begins to watch, then every minute, and no more when nobody does', async () => {
    monitor.setWatched(true);
    assert.equal(clock.dueInMs, 0);
    assert.equal((await look()).reading.state, 'gpus');
    assert.equal(clock.dueInMs, 60 * second);
    await look();
    assert.equal(smi.calls().length, 4);
    monitor.setWatched(false);
    assert.equal(clock.dueInMs, undefined);
  });

  it('shows who comes back soon what there was, and later what there is', async () => {
    monitor.setWatched(true);
    await look();
    monitor.setWatched(false);
    clock.nowMs += 4 * second;
    monitor.setWatched(true);
    assert.equal(clock.dueInMs, 6 * second);
    monitor.setWatched(false);
    clock.nowMs += 600 * second;
    monitor.setWatched(true);
    assert.equal(clock.dueInMs, 0);
  });

  it('looks often while a request runs, and once when it has ended', async () => {
    monitor.setWatched(true);
    await look();
    clock.nowMs += 2 * second;
    monitor.setBusy(true);
    assert.equal(clock.dueInMs, 0);
    await look();
    assert.equal(clock.dueInMs, 3 * second);
    monitor.setBusy(false);
    assert.equal(clock.dueInMs, 0);
    await look();
    assert.equal(clock.dueInMs, 60 * second);
  });

  it('waits longer after each failure, requests or not, and forgets it with the first success', async () => {
    smi.set('driver-mismatch');
    monitor.setWatched(true);
    for (const expected of [30, 60, 120, 240, 300, 300]) {
      await look();
      assert.equal(clock.dueInMs, expected * second);
      monitor.setBusy(true);
      monitor.setBusy(false);
      monitor.setWatched(false);
      monitor.setWatched(true);
      assert.equal(clock.dueInMs, expected * second);
    }
    smi.set('rtx-3060-idle');
    await look();
    assert.equal(clock.dueInMs, 60 * second);
    smi.set('gpu-lost');
    await look();
    assert.equal(clock.dueInMs, 30 * second);
  });

  it('looks once at a machine without a GPU, and does not ask its server', async () => {
    smi.remove();
    monitor.setWatched(true);
    assert.equal((await look()).reading.state, 'none');
    assert.equal(clock.dueInMs, undefined);
    monitor.setBusy(true);
    assert.equal(clock.dueInMs, undefined);
    assert.equal(serverLooks, 0);
    await monitor.refresh();
    assert.equal(serverLooks, 1);
  });

  it('lets a card that nobody uses fall asleep, and one that is used not', async () => {
    sleeper('active');
    monitor.setWatched(true);
    await look();
    assert.equal(clock.dueInMs, 300 * second);
    monitor.setWatched(false);
    clock.nowMs += 20 * second;
    monitor.setWatched(true);
    assert.equal(clock.dueInMs, 280 * second);
    server = { backend: 'ollama', endpoint: 'http://127.0.0.1:1', isHere: true, models: [{ id: 'm' }] };
    await look();
    assert.equal(clock.dueInMs, 60 * second);
  });

  it('starts no process while a card sleeps, and still knows its name', async () => {
    sleeper('active');
    monitor.setWatched(true);
    await look();
    const before = smi.calls().length;
    sleeper('suspended');
    for (let count = 0; count < 3; count++) {
      const { reading } = await look();
      assert.ok(reading.state === 'asleep' && reading.name === 'NVIDIA GeForce RTX 3060');
    }
    assert.equal(smi.calls().length, before);
    sleeper('active');
    assert.equal((await look()).reading.state, 'gpus');
  });

  it('takes a wish during a look for that look', async () => {
    const [one, other] = await Promise.all([monitor.refresh(), monitor.refresh()]);
    assert.equal(one, other);
    assert.equal(smi.calls().length, 2);
  });

  it('tells the GPU though the server cannot be asked', async () => {
    const host = createNodeGpuHost({ platform: 'linux', environment: smi.environment, root: smi.root });
    const failing = new GpuMonitor({
      host,
      readServer: () => Promise.reject(new Error('gone')),
      startTimer: clock.startTimer,
      onChange: () => undefined,
    });
    const { reading, server: unknown } = await failing.refresh();
    assert.deepEqual([reading.state, unknown], ['gpus', undefined]);
    failing.dispose();
  });

  it('ends what it began with it', async () => {
    smi.set({ hangs: true } satisfies Situation);
    const looking = monitor.refresh();
    while (smi.calls().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    monitor.dispose();
    await assert.rejects(looking, { name: 'AbortError' });
    assert.deepEqual(seen, []);
    monitor.setWatched(true);
    assert.equal(clock.dueInMs, undefined);
  });
});
