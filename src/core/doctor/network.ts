import { isIP } from 'node:net';
import type { BackendError } from '../clients/errors.ts';
import { distrustFinding, refusedFinding } from './fixes.ts';
import { readTls, resolveName, tryTcp } from './reach.ts';
import { failed, passed, skipped, type Finding } from './report.ts';
import { failureOf, hostOf, isUnusableSetting, portOf, shownUrl, type ProxyInUse, type Target } from './target.ts';

/** The steps below HTTP. With a proxy it is the proxy that has to be found and to listen. */

/** The addresses to try; none with a finding that ends the check. */
export async function checkDns(
  target: Target,
  signal: AbortSignal,
): Promise<{ readonly finding: Finding; readonly addresses: readonly string[] }> {
  const { proxy } = target;
  const host = hostOf(proxy?.url ?? target.url);
  const via = proxy ? `, the proxy of ${proxy.source}` : '';
  if (isIP(host)) return { finding: skipped(`${host} is an address, not a name${via}`), addresses: [host] };
  if (host === 'localhost')
    return { finding: passed('localhost is 127.0.0.1 and ::1'), addresses: ['127.0.0.1', '::1'] };
  try {
    const addresses = await resolveName(host, signal);
    return { finding: passed(`${host} is ${addresses.join(', ')}${via}`), addresses };
  } catch (thrown) {
    signal.throwIfAborted();
    return { finding: await unknownName(target, host, (thrown as NodeJS.ErrnoException).code, signal), addresses: [] };
  }
}

async function unknownName(
  target: Target,
  host: string,
  code: string | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  const { proxy, options, urlSetting } = target;
  if (proxy) {
    const fix = `Correct ${proxy.source}, or add ${target.url.hostname} to ${proxy.exclusions}.`;
    return {
      state: 'failed',
      detail: `There is no machine called ${host}, which ${proxy.source} names as proxy.`,
      fix,
    };
  }
  const error = await failureOf(target.client, signal);
  if (!error) return carriedAnyway(host);
  const { where } = options.situation;
  const inDocker = host.startsWith('host.docker.')
    ? ' Docker on Linux knows it only with --add-host=host.docker.internal:host-gateway.'
    : '';
  const advice =
    code === 'EAI_AGAIN'
      ? `No name server answers on ${where}: check its network or VPN, or give the address in digits in ${urlSetting}.`
      : `Check the name in ${urlSetting}: it is looked up on ${where}.`;
  return failed(error, advice + inDocker);
}

export async function checkTcp(target: Target, addresses: readonly string[], signal: AbortSignal): Promise<Finding> {
  const { proxy, url } = target;
  const port = portOf(proxy?.url ?? url);
  const refused: string[] = [];
  for (const address of addresses) {
    const { state } = await tryTcp(address, port, signal);
    if (state === 'accepted') {
      const unheard = refused.length > 0 ? `; ${refused.join(', ')} does not` : '';
      return passed(`${address} accepts connections at port ${port}${proxy ? ' (the proxy)' : ''}${unheard}`);
    }
    refused.push(address);
  }
  if (proxy) return deadProxy(target, proxy);
  const error = await failureOf(target.client, signal);
  if (!error) return carriedAnyway(url.hostname);
  return error.kind === 'notRunning' ? refusedFinding(target, error, addresses, signal) : unreachable(target, error);
}

/** Editors may have a proxy that only they know of. */
function carriedAnyway(host: string): Finding {
  return skipped(`${host} is not reached directly, but requests are carried there, by a proxy of the system`);
}

function deadProxy({ url }: Target, proxy: ProxyInUse): Finding {
  return {
    state: 'failed',
    detail: `The proxy ${proxy.url.host}, which ${proxy.source} names, accepts no connection.`,
    fix: `Correct ${proxy.source}; if ${url.hostname} needs no proxy, add it to ${proxy.exclusions}.`,
    nextStep: { do: 'openSetting', key: proxy.source.startsWith('http.') ? proxy.source : 'http.proxy' },
  };
}

function unreachable({ url, options, urlSetting }: Target, error: BackendError): Finding {
  const port = url.port === '' ? ` No port is given, so ${portOf(url)} was tried.` : '';
  const fix = `Check the address in ${urlSetting}, and the network, VPN and firewall between it and ${options.situation.where}.${port}`;
  return failed(error, fix);
}

export async function checkTls(target: Target, signal: AbortSignal): Promise<Finding> {
  const { url, urlSetting, client } = target;
  if (url.protocol === 'http:') return skipped('the address is http');
  if (target.proxy) return skipped('inside the proxy’s tunnel, so the request shows it');
  const result = await readTls(hostOf(url), portOf(url), signal);
  if (result.state === 'agreed') {
    const { certificate, protocol, distrust } = result;
    const { subject, issuer, validTo } = certificate;
    const facts = `${protocol}, certificate for ${subject} from ${issuer}, valid to ${validTo}`;
    if (distrust === undefined) return passed(facts);
    // Only the request itself knows which authorities of the user's own are trusted.
    const error = await failureOf(client, signal);
    if (error?.kind === 'tls') return distrustFinding(target, certificate, distrust);
    if (error && isUnusableSetting(error)) return failed(error);
    return passed(`${facts}, trusted by an authority of your own`);
  }
  const plain = shownUrl(new URL(url.href.replace(/^https/, 'http')));
  const nextStep = { do: 'openSetting', key: urlSetting } as const;
  return /EPROTO|WRONG_VERSION|PACKET_LENGTH/.test(result.code)
    ? {
        state: 'failed',
        detail: `${url.host} does not speak https.`,
        fix: `Change ${urlSetting} to ${plain}.`,
        nextStep,
      }
    : {
        state: 'failed',
        detail: `${url.host} accepts the connection but agrees on no encryption (${result.code}).`,
        fix: `If the server speaks http, change ${urlSetting} to ${plain}; else look at its log.`,
        nextStep,
      };
}
