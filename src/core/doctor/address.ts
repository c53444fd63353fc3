import { describeProblem } from '../settings/settings.ts';
import { passed, type Finding } from './report.ts';
import { portOf, shownUrl, type ServerBackend, type Target } from './target.ts';

/** The setting itself, before anything is asked of anybody. */
export function checkAddress({ url, urlSetting, backend, options }: Target): Finding {
  const nextStep = { do: 'openSetting', key: urlSetting } as const;
  const problem = options.problems.find(({ key }) => key === urlSetting);
  if (problem) {
    return { state: 'failed', detail: describeProblem(problem), fix: `Correct ${urlSetting}.`, nextStep };
  }
  const better = betterUrl(backend, url);
  if (better) {
    const detail = `${shownUrl(url)} has a path that the server’s address does not need.`;
    return { state: 'warning', detail, fix: `Change ${urlSetting} to ${better}.`, nextStep };
  }
  const given = options.given(urlSetting);
  if (typeof given === 'string' && /^\s*([a-z]+:\/\/)?([^/]*@)?0\.0\.0\.0(:|\/|$)/i.test(given)) {
    const detail = '0.0.0.0 is where a server listens (everywhere), not where it is found; 127.0.0.1 is used.';
    return { state: 'warning', detail, fix: `Change ${urlSetting} to ${shownUrl(url)}.`, nextStep };
  }
  return passed(`${shownUrl(url)}${remark(url)}`);
}

function remark(url: URL): string {
  if (url.hostname === 'localhost') return ', which is 127.0.0.1 and ::1: either will do';
  return url.port === '' && url.protocol === 'http:' ? `, port ${portOf(url)} since none is given` : '';
}

/** What the address should be when it carries what A2IA adds by itself: `/v1` twice, `/v1` for Ollama's own API, a whole endpoint. */
export function betterUrl(backend: ServerBackend, url: URL): string | undefined {
  const path = url.pathname.replace(/\/+$/, '');
  const better =
    backend === 'ollama'
      ? path.replace(/\/(v1|api)(\/.*)?$/, '')
      : path
          .replace(/\/(chat\/completions|completions|responses|embeddings|messages|models)$/, '')
          .replace(/(\/v\d+)\1+$/, '$1');
  return better === path ? undefined : url.origin + better;
}
