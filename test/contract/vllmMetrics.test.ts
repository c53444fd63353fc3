import assert from 'node:assert/strict';
import { parseVllmMetrics } from '../../src/core/clients/vllmMetrics.ts';
import { dialects, never } from '../support/dialects.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

/** As vLLM 0.32.0 writes them, with other figures. */
const metrics = (running: string, waiting: string, usage: string, engine = '0') =>
  `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="${engine}",model_name="m"} ${running}
vllm:num_requests_waiting{engine="${engine}",model_name="m"} ${waiting}
vllm:num_requests_waiting_by_reason{engine="${engine}",model_name="m",reason="capacity"} 7.0
vllm:kv_cache_usage_perc{engine="${engine}",model_name="m"} ${usage}
`;

describe('vllm: metrics', () => {
  it('case 80: figures with and without an exponent', () => {
    assert.deepEqual(parseVllmMetrics(metrics('2.0', '1e+00', '4.3e-01')), {
      runningRequests: 2,
      waitingRequests: 1,
      kvCacheUsage: 0.43,
    });
  });

  it('case 80: several engines: requests add up, the fullest cache counts', () => {
    assert.deepEqual(parseVllmMetrics(metrics('2.0', '0.0', '0.2') + metrics('3.0', '4.0', '0.9', '1')), {
      runningRequests: 5,
      waitingRequests: 4,
      kvCacheUsage: 0.9,
    });
  });

  it('case 80: the old name of the cache’s usage', () => {
    const old = 'vllm:gpu_cache_usage_perc{model_name="m"} 0.25\nvllm:num_requests_running 1\n';
    assert.deepEqual(parseVllmMetrics(old), { runningRequests: 1, kvCacheUsage: 0.25 });
  });

  it('case 80: not known from another server’s metrics, a web page, or figures that are none', () => {
    for (const text of ['', '<html></html>', 'llamacpp:requests_processing 1\n', 'vllm:num_requests_running NaN\n']) {
      assert.equal(parseVllmMetrics(text), undefined);
    }
  });

  const vllm = dialects.find(({ backend }) => backend === 'vllm');
  const probe = async (text: string | undefined) => {
    assert.ok(vllm);
    const server = await ScriptedServer.start(vllm.routes(['m']));
    if (text !== undefined) server.on('/metrics', (exchange) => exchange.send(text, 'text/plain; version=1.0.0'));
    const status = await vllm.client(server.url).probe(never);
    await server.close();
    return status.state === 'ready' ? status.detail : assert.fail(status.state);
  };

  it('case 80: a look at a server says how busy it is', async () => {
    assert.equal(await probe(metrics('3.0', '2.0', '0.5')), '3 running, 2 waiting, KV cache 50 % used.');
    assert.equal(await probe(metrics('0.0', '0.0', '0.0')), undefined);
  });

  it('case 80: a server without metrics is as ready as others', async () => {
    assert.equal(await probe(undefined), undefined);
  });

  it('what is in memory: each model, its context, and how full the cache is', async () => {
    assert.ok(vllm);
    const server = await ScriptedServer.start(vllm.routes(['m']));
    server.on('/metrics', (exchange) => exchange.send(metrics('1.0', '0.0', '0.43'), 'text/plain; version=1.0.0'));
    const [model, ...others] = (await vllm.client(server.url).loadedModels?.(never)) ?? [];
    await server.close();
    assert.deepEqual([model?.id, model?.kvCacheUsage, others], ['m', 0.43, []]);
    assert.ok(model && !('vramBytes' in model));
  });
});
