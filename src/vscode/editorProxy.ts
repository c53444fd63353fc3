import * as vscode from 'vscode';
import type { ProxyInUse } from '../core/doctor/target.ts';
import { isLoopback } from '../core/util/loopback.ts';

/**
 * The proxy through which VS Code will carry a request, in its own order: never for loopback, `http.proxy` before the environment, `http.noProxy` before
 * NO_PROXY. What the system or a script of its names is not known here.
 */
export function proxyInUse(url: URL): Promise<ProxyInUse | undefined> {
  return Promise.resolve(findProxy(url));
}

function findProxy(url: URL): ProxyInUse | undefined {
  const http = vscode.workspace.getConfiguration('http');
  if (isLoopback(url.hostname) || http.get('proxySupport') === 'off') return undefined;
  const environment = process.env;
  const listed = http.get<readonly string[]>('noProxy', []);
  const inEnvironment = (environment['no_proxy'] ?? environment['NO_PROXY'] ?? '').split(',');
  const exclusions = listed.length > 0 ? listed : inEnvironment;
  if (exclusions.some((entry) => isExcluded(url, entry.trim()))) return undefined;
  const names = url.protocol === 'https:' ? ['https_proxy', 'http_proxy'] : ['http_proxy'];
  const variable = names.flatMap((name) => [name, name.toUpperCase()]).find((name) => environment[name]);
  const setting = http.get<string>('proxy');
  const proxy = setting || (variable && environment[variable]);
  if (!proxy || !URL.canParse(proxy)) return undefined;
  return {
    url: new URL(proxy),
    source: setting ? 'http.proxy' : (variable ?? 'the environment'),
    exclusions: 'http.noProxy',
  };
}

/** `example.com` and `.example.com` stand for the name and all below it, `*` for everything; a port may follow. */
function isExcluded(url: URL, entry: string): boolean {
  if (entry === '*') return true;
  const [, name = '', port] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const isNamed = name !== '' && (url.hostname === name || url.hostname.endsWith(`.${name}`));
  return isNamed && (port === undefined || port === url.port);
}
