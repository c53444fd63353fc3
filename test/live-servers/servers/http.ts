/** Plain requests to servers, to look at them past the clients under test. */

export async function getJson(url: string): Promise<unknown> {
  return (await checked(await fetch(url))).json();
}

export async function postJson(url: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return (await checked(await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }))).json();
}

export async function getText(url: string): Promise<string> {
  return (await checked(await fetch(url))).text();
}

async function checked(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response;
}

/** On a server that somebody else started: the one that A2IA_MODEL names, else the first. */
export function chosenModel(models: readonly string[]): string {
  const [first] = models;
  const named = process.env['A2IA_MODEL'];
  if (named) return named;
  if (first === undefined) throw new Error('The server has no model.');
  return first;
}
