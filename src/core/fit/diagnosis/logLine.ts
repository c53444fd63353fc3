/** Longer lines are read in pieces, so that no pattern ever looks at more. */
const longestPieceChars = 8192;
/** What two pieces share: no text that is looked for is longer. */
const overlapChars = 600;

/** Colours and cursor movements of terminals, and the zeros of UTF-16 that was read as bytes. */
const noise = /\u001b\[[0-9;?]{0,16}[ -/]?[@-~]|\u001b\][^\u0007\u001b]{0,200}(?:\u0007|\u001b\\)?|[\u0000\r\ufeff]/g;

/** The pieces of one line as patterns can read it; most lines are one. */
export function* piecesOf(line: string): Generator<string> {
  if (line.length <= longestPieceChars) {
    yield clean(line);
    return;
  }
  for (let start = 0; start < line.length; start += longestPieceChars - overlapChars) {
    yield clean(line.slice(start, start + longestPieceChars));
  }
}

function clean(line: string): string {
  noise.lastIndex = 0;
  return noise.test(line) ? line.replace(noise, '') : line;
}

/** As a person wants to see it: without what journals, containers and loggers put in front. */
export function withoutPrefix(line: string): string {
  let text = line.trim();
  for (const prefix of prefixes) text = text.replace(prefix, '');
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

const prefixes: readonly RegExp[] = [
  // journald: `Apr 17 01:25:09 host ollama[56169]: `, with months in any language.
  /^\S{1,12} ?\d{0,2} ?\S{0,12} \d{1,2} \d\d:\d\d:\d\d \S{1,64} [\w.-]{1,40}\[\d+\]: /,
  /^\S{1,12} \d{1,2} \d\d:\d\d:\d\d \S{1,64} [\w.-]{1,40}\[\d+\]: /,
  // docker compose: `ollama-1  | `.
  /^[\w.-]{1,40} +\| /,
  // vLLM: `(EngineCore_DP0 pid=104) ERROR 05-05 12:36:59 [core.py:708] `.
  /^\([\w ./=:,-]{1,60}\) /,
  /^(?:DEBUG|INFO|WARNING|ERROR) \d\d-\d\d \d\d:\d\d:\d\d (?:\[[\w./]{1,60}:\d+\]|[\w./]{1,60}:\d+\]) /,
  // llama-server: `0.05.982.175 E `.
  /^\d[\d.]{4,20} [DIWE] /,
];
