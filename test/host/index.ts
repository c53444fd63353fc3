import path from 'node:path';
import Mocha from 'mocha';

/** Loaded by VS Code's extension host: runs test/host inside it. */
export async function run(): Promise<void> {
  const root = path.join(import.meta.dirname, '../../..');
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: 120_000,
    forbidOnly: true,
    reporter: path.join(root, 'test/support/reporter.cjs'),
    ...(process.env['A2IA_TEST_GREP'] ? { grep: process.env['A2IA_TEST_GREP'] } : {}),
  });
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  await import('./apply.test.ts');
  await import('./ask.test.ts');
  await import('./changes.test.ts');
  await import('./chat.test.ts');
  await import('./chatWindow.test.ts');
  await import('./commitMessage.test.ts');
  await import('./completion.test.ts');
  await import('./connection.test.ts');
  await import('./context.test.ts');
  await import('./gpu.test.ts');
  await import('./edit.test.ts');
  await import('./editOddities.test.ts');
  await import('./manifest.test.ts');
  await import('./memory.test.ts');
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed.`);
}
