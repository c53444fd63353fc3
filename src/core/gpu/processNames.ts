/** By which a program shows what it is; the first that fits. */
const names: readonly (readonly [pattern: RegExp, name: string])[] = [
  // Its runners have names of their own, below its folder: `…/ollama/runners/cuda_v12/ollama_llama_server`, `…/lib/ollama/llama-server`.
  [/ollama/i, 'Ollama'],
  // It renames its processes: `VLLM::EngineCore`, `VLLM::Worker_TP0`.
  [/vllm/i, 'vLLM'],
  [/lm[- ]?studio/i, 'LM Studio'],
  [/koboldcpp/i, 'KoboldCpp'],
  [/sglang/i, 'SGLang'],
  [
    /(^|[\\/])(Xorg|Xwayland|gnome-shell|kwin_(x11|wayland)|plasmashell|mutter|sway|Hyprland|cosmic-comp|explorer\.exe|dwm\.exe|ShellExperienceHost\.exe|StartMenuExperienceHost\.exe|TextInputHost\.exe|SearchHost\.exe)\b/i,
    'desktop',
  ],
  [/(^|[\\/])python[\d.]*(\.exe)?(\s|$)/i, 'python'],
];

const mostCharacters = 60;

/** What people call a process, from its path as the driver gives it, with or without its arguments. */
export function processName(path: string, pid: number): string {
  const known = names.find(([pattern]) => pattern.test(path))?.[1];
  if (known !== undefined) return known;
  // Arguments begin with a dash; a folder may have a space in its name.
  const program = path.split(/ -/, 1)[0] ?? '';
  const file =
    program
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.exe$/i, '')
      .trim() ?? '';
  return file === '' || /^\[.*\]$|^-$/.test(file) ? `process ${pid}` : file.slice(0, mostCharacters);
}
