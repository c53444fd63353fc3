/** Logs as the servers print them: the lines that matter of published ones, with the numbers of one card (12 GB, 11.5 GiB to CUDA). */

export const vllmWeights = `INFO 04-09 05:39:40 [api_server.py:1034] vLLM API server version 0.8.3
INFO 04-09 05:39:40 [api_server.py:1035] args: Namespace(model='mistralai/Mistral-7B-Instruct-v0.3', max_model_len=4096, gpu_memory_utilization=0.9, max_num_seqs=1, swap_space=16, enforce_eager=False, tensor_parallel_size=1, quantization=None)
INFO 04-09 05:39:50 [core.py:61] Initializing a V1 LLM engine (v0.8.3) with config: model='mistralai/Mistral-7B-Instruct-v0.3', dtype=torch.bfloat16, max_seq_len=4096, tensor_parallel_size=1, quantization=None, enforce_eager=False, kv_cache_dtype=auto
INFO 04-09 05:39:52 [gpu_model_runner.py:1258] Starting to load model mistralai/Mistral-7B-Instruct-v0.3...
ERROR 04-09 05:39:54 [core.py:390] EngineCore hit an exception: Traceback (most recent call last):
ERROR 04-09 05:39:54 [core.py:390]   File "/usr/lib/python3/vllm/model_executor/layers/linear.py", line 180, in create_weights
ERROR 04-09 05:39:54 [core.py:390] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of 11.53 GiB of which 187.75 MiB is free. Including non-PyTorch memory, this process has 11.33 GiB memory in use. Of the allocated memory 11.10 GiB is allocated by PyTorch, and 10.20 MiB is reserved by PyTorch but unallocated.
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
`;

export const vllmCache = `(APIServer pid=1) INFO 10-05 12:36:50 [api_server.py:1839] vLLM API server version 0.11.0
(APIServer pid=1) INFO 10-05 12:36:50 [utils.py:233] non-default args: {'model_tag': 'microsoft/Phi-3-mini-128k-instruct', 'model': 'microsoft/Phi-3-mini-128k-instruct', 'gpu_memory_utilization': 0.9}
(EngineCore_DP0 pid=104) INFO 10-05 12:36:59 [core.py:77] Initializing a V1 LLM engine (v0.11.0) with config: model='microsoft/Phi-3-mini-128k-instruct', dtype=torch.bfloat16, max_seq_len=131072, tensor_parallel_size=1, quantization=None, enforce_eager=False
(EngineCore_DP0 pid=104) INFO 10-05 12:37:20 [gpu_model_runner.py:2653] Model loading took 7.1183 GiB and 9.1 seconds
(EngineCore_DP0 pid=104) INFO 10-05 12:37:40 [gpu_worker.py:298] Available KV cache memory: 2.83 GiB
(EngineCore_DP0 pid=104) ERROR 10-05 12:37:40 [core.py:708] EngineCore failed to start.
(EngineCore_DP0 pid=104) ERROR 10-05 12:37:40 [core.py:708] ValueError: To serve at least one request with the models's max seq len (131072), (48.00 GiB KV cache is needed, which is larger than the available KV cache memory (2.83 GiB). Based on the available memory, the estimated maximum model length is 7712. Try increasing \`gpu_memory_utilization\` or decreasing \`max_model_len\` when initializing the engine.
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}
`;

export const vllmStarted = `INFO 03-02 09:00:01 [api_server.py:1900] vLLM API server version 0.19.0
INFO 03-02 09:00:10 [core.py:97] Initializing a V1 LLM engine (v0.19.0) with config: model='Qwen/Qwen2.5-7B-Instruct-AWQ', dtype=torch.float16, max_seq_len=32768, tensor_parallel_size=1, quantization=awq, enforce_eager=False
INFO 03-02 09:00:30 [gpu_model_runner.py:4100] Model loading took 5.2 GiB memory and 4.1 seconds
INFO 03-02 09:00:50 [gpu_worker.py:420] Available KV cache memory: 3.91 GiB
INFO 03-02 09:00:50 [kv_cache_utils.py:1300] GPU KV cache size: 73,200 tokens
INFO 03-02 09:00:50 [kv_cache_utils.py:1305] Maximum concurrency for 32,768 tokens per request: 2.23x
INFO 03-02 09:01:05 [gpu_model_runner.py:4900] Graph capturing finished in 12 secs, took 0.55 GiB
INFO 03-02 09:01:06 [gpu_worker.py:600] Free memory on device (11.10/11.53 GiB) on startup. Desired GPU memory utilization is (0.9, 10.38 GiB). Actual usage is 5.2 GiB for weight, 1.02 GiB for peak activation, 0.25 GiB for non-torch memory, and 0.55 GiB for CUDAGraph memory. Replace gpu_memory_utilization config with \`--kv-cache-memory=4100000000\` (3.8 GiB) to fit into requested memory.
INFO:     Application startup complete.
`;

export const ollamaCache = `Jun 17 11:33:50 host ollama[2478]: time=2026-06-17T11:33:50.725+08:00 level=INFO source=routes.go:1700 msg="Listening on 127.0.0.1:11434 (version 0.31.1)"
Jun 17 11:33:50 host ollama[2478]: time=2026-06-17T11:33:50.900+08:00 level=INFO source=types.go:42 msg="inference compute" id=GPU-971b407f library=CUDA compute=8.9 name=CUDA0 description="NVIDIA RTX 3500 Ada Generation Laptop GPU" driver=13.0 type=discrete total="11.6 GiB" available="11.1 GiB"
Jun 17 11:33:51 host ollama[2478]: time=2026-06-17T11:33:51.725+08:00 level=INFO source=llama_server.go:403 msg="starting llama-server" cmd="/usr/local/lib/ollama/llama-server --model /usr/share/ollama/.ollama/models/blobs/sha256-90a --port 37851 --host 127.0.0.1 -c 131072 -np 1 --flash-attn auto -b 512 -ub 512"
Jun 17 11:33:51 host ollama[2478]: llama_model_load_from_file_impl: using device CUDA0 (NVIDIA RTX 3500 Ada Generation Laptop GPU) (0000:01:00.0) - 11069 MiB free
Jun 17 11:33:51 host ollama[2478]: print_info: general.name     = Llama 3.1 8B Instruct
Jun 17 11:33:51 host ollama[2478]: print_info: file type   = Q4_K - Medium
Jun 17 11:33:51 host ollama[2478]: print_info: file size   = 4.58 GiB (4.89 BPW)
Jun 17 11:33:52 host ollama[2478]: load_tensors: offloaded 33/33 layers to GPU
Jun 17 11:33:52 host ollama[2478]: load_tensors:   CPU_Mapped model buffer size =   281.81 MiB
Jun 17 11:33:52 host ollama[2478]: load_tensors:        CUDA0 model buffer size =  4403.49 MiB
Jun 17 11:33:52 host ollama[2478]: llama_context: n_ctx         = 131072
Jun 17 11:33:52 host ollama[2478]: ggml_backend_cuda_buffer_type_alloc_buffer: allocating 16384.00 MiB on device 0: cudaMalloc failed: out of memory
Jun 17 11:33:52 host ollama[2478]: alloc_tensor_range: failed to allocate CUDA0 buffer of size 17179869184
Jun 17 11:33:52 host ollama[2478]: llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache
Jun 17 11:33:53 host ollama[2478]: time=2026-06-17T11:33:53.100+08:00 level=ERROR source=sched.go:500 msg="error loading llama server" error="llama-server process has terminated: exit status 1"
`;

/** A second load, shorter, which works. */
export const ollamaLoaded = `Jun 17 11:34:51 host ollama[2478]: time=2026-06-17T11:34:51.725+08:00 level=INFO source=llama_server.go:403 msg="starting llama-server" cmd="/usr/local/lib/ollama/llama-server --model /usr/share/ollama/.ollama/models/blobs/sha256-90a --port 37852 --host 127.0.0.1 -c 8192 -np 1 --flash-attn auto -b 512 -ub 512"
Jun 17 11:34:52 host ollama[2478]: load_tensors: offloaded 33/33 layers to GPU
Jun 17 11:34:52 host ollama[2478]: load_tensors:        CUDA0 model buffer size =  4403.49 MiB
Jun 17 11:34:52 host ollama[2478]: llama_context: n_ctx         = 8192
Jun 17 11:34:52 host ollama[2478]: llama_kv_cache:      CUDA0 KV buffer size =  1024.00 MiB
Jun 17 11:34:52 host ollama[2478]: llama_kv_cache: size = 1024.00 MiB (  8192 cells,  32 layers,  1/1 seqs), K (f16):  512.00 MiB, V (f16):  512.00 MiB
Jun 17 11:34:52 host ollama[2478]: sched_reserve:      CUDA0 compute buffer size =   120.00 MiB
Jun 17 11:34:53 host ollama[2478]: time=2026-06-17T11:34:53.100+08:00 level=INFO source=server.go:1388 msg="llama runner started in 1.28 seconds"
`;

/** Until 0.11 Ollama says beforehand what it expects. */
export const ollamaEstimate = `time=2024-07-24T09:15:01.123Z level=INFO source=memory.go:309 msg="offload to cuda" layers.requested=-1 layers.model=33 layers.offload=31 layers.split="" memory.available="[22.8 GiB]" memory.required.full="23.5 GiB" memory.required.partial="22.5 GiB" memory.required.kv="10.0 GiB" memory.required.allocations="[22.5 GiB]" memory.weights.total="13.6 GiB" memory.graph.full="5.2 GiB" memory.graph.partial="5.6 GiB"
time=2024-07-24T09:15:01.130Z level=INFO source=server.go:383 msg="starting llama server" cmd="/tmp/ollama_llama_server --model /root/.ollama/models/blobs/sha256-8ee --ctx-size 80000 --batch-size 512 --n-gpu-layers 31 --parallel 1 --port 40000"
time=2024-07-24T09:15:09.130Z level=INFO source=server.go:617 msg="llama runner started in 8.00 seconds"
`;

/** 0.12 to 0.24: measured before it is committed. */
export const ollamaMeasured = `time=2025-10-11T20:54:57.291+02:00 level=INFO source=runner.go:1172 msg=load request="{Operation:commit LoraPath:[] Parallel:1 BatchSize:512 FlashAttention:Enabled KvSize:90112 KvCacheType:q8_0 NumThreads:8 GPULayers:43[ID:GPU-971b407f Layers:43(0..42)] MultiUserCache:false}"
time=2025-10-11T20:54:58.018+02:00 level=INFO source=ggml.go:494 msg="offloaded 43/49 layers to GPU"
time=2025-10-11T20:54:58.018+02:00 level=INFO source=device.go:206 msg="model weights" device=CUDA0 size="15.1 GiB"
time=2025-10-11T20:54:58.018+02:00 level=INFO source=device.go:211 msg="model weights" device=CPU size="2.3 GiB"
time=2025-10-11T20:54:58.018+02:00 level=INFO source=device.go:217 msg="kv cache" device=CUDA0 size="4.1 GiB"
time=2025-10-11T20:54:58.018+02:00 level=INFO source=device.go:228 msg="compute graph" device=CUDA0 size="190.5 MiB"
time=2025-10-11T20:54:58.018+02:00 level=INFO source=device.go:238 msg="total memory" size="21.7 GiB"
time=2025-10-11T20:54:59.018+02:00 level=INFO source=server.go:1289 msg="llama runner started in 6.28 seconds"
`;

export const llamaCompute = `ggml_cuda_init: found 1 CUDA devices:
  Device 0: NVIDIA GeForce RTX 3060, compute capability 8.6, VMM: yes
build: 6699 (c08002a1) with cc (Debian 14) for x86_64-linux-gnu
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3060) (0000:01:00.0) - 11500 MiB free
load_tensors: offloaded 33/33 layers to GPU
load_tensors:        CUDA0 model buffer size =  7205.83 MiB
llama_context: n_ctx         = 32768
llama_context: n_ubatch      = 512
llama_context: flash_attn    = disabled
llama_kv_cache:      CUDA0 KV buffer size =  4096.00 MiB
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 2144.00 MiB on device 0: cudaMalloc failed: out of memory
ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 2248146944
graph_reserve: failed to allocate compute buffers
llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers
srv    load_model: failed to load model, 'model.gguf'
main: exiting due to model loading error
`;
