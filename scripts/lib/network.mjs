import { createServer } from 'node:net';

/**
 * A port on which nobody listens on 127.0.0.1: the preferred one if it is free.
 * @param {number} [preferred]
 * @returns {Promise<number>}
 */
export async function freePort(preferred = 0) {
  return (
    (await tryListen(preferred)) ?? (await tryListen(0)) ?? Promise.reject(new Error('No port is free on 127.0.0.1.'))
  );
}

/** @returns {Promise<number | undefined>} */
function tryListen(/** @type {number} */ port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
