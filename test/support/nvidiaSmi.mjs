// Stands in for nvidia-smi: answers as the situation beside it says, and writes down how it was called. See test/fixtures/nvidia-smi/README.md.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const args = process.argv.slice(3);
const callsFile = path.join(folder, 'calls');
const before = existsSync(callsFile) ? readFileSync(callsFile, 'utf8').split('\n').length - 1 : 0;
appendFileSync(callsFile, `${JSON.stringify({ pid: process.pid, args })}\n`);

const given = JSON.parse(readFileSync(path.join(folder, 'situation.json'), 'utf8'));
/** A list of situations: one for each call, the last one for all that follow. */
const situation = Array.isArray(given) ? given[Math.min(before, given.length - 1)] : given;

const option = (name) => args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);

function answer() {
  const { gpus = [], processes = [], refusedFields = [], stdout, stderr = '', exitCode = 0 } = situation;
  if (stdout !== undefined) return { stdout, stderr, exitCode };
  const fields = option('--query-gpu')?.split(',');
  if (fields) {
    const refused = fields.find((field) => refusedFields.includes(field));
    if (refused) return { stdout: `Field "${refused}" is not a valid field to query.\n\n`, stderr, exitCode: 2 };
    return { stdout: lines(gpus.map((gpu) => fields.map((field) => gpu[field] ?? '[N/A]'))), stderr, exitCode };
  }
  if (option('--query-compute-apps')) return { stdout: lines(processes), stderr, exitCode };
  if (args[0] === '-L') return { stdout: listing(), stderr, exitCode };
  if (args.join(' ') === '-q -x') return { stdout: log(), stderr, exitCode };
  return {
    stdout: '',
    stderr: `ERROR: Option ${args[0]} is not recognized. Please run 'nvidia-smi -h'.\n`,
    exitCode: 2,
  };
}

function lines(rows) {
  return rows.map((row) => `${row.join(', ')}\n`).join('');
}

function listing() {
  const { gpus = [], parts = [] } = situation;
  return gpus
    .flatMap(({ uuid, name }, index) => [
      `GPU ${index}: ${name} (UUID: ${uuid})\n`,
      ...parts
        .filter(({ gpu }) => gpu === uuid)
        .map((part) => `  MIG ${part.profile.padEnd(11)} Device ${part.index.padStart(2)}: (UUID: ${part.uuid})\n`),
    ])
    .join('');
}

/** What is read of the log, in its order: the parts of a card come before its UUID. */
function log() {
  const { gpus = [], parts = [] } = situation;
  const usage = ({ total, reserved, used, free }) =>
    `<fb_memory_usage>\n<total>${total}</total>\n<reserved>${reserved}</reserved>\n<used>${used}</used>\n<free>${free}</free>\n</fb_memory_usage>\n`;
  const cards = gpus.map((gpu, at) => {
    const own = parts.filter((part) => part.gpu === gpu.uuid);
    const migs = own.map(
      (part) =>
        `<mig_device>\n<index>${part.index}</index>\n<gpu_instance_id>${part.instance}</gpu_instance_id>\n<compute_instance_id>0</compute_instance_id>\n${usage(part)}<bar1_memory_usage>\n<total>32767 MiB</total>\n<used>0 MiB</used>\n</bar1_memory_usage>\n</mig_device>\n`,
    );
    const infos = own.flatMap((part) =>
      part.processes.map(
        ([pid, name, used]) =>
          `<process_info>\n<gpu_instance_id>${part.instance}</gpu_instance_id>\n<compute_instance_id>0</compute_instance_id>\n<pid>${pid}</pid>\n<type>C</type>\n<process_name>${name}</process_name>\n<used_memory>${used}</used_memory>\n</process_info>\n`,
      ),
    );
    return `<gpu id="0000000${at}:01:00.0">\n<product_name>${gpu.name}</product_name>\n<mig_mode>\n<current_mig>Enabled</current_mig>\n</mig_mode>\n<mig_devices>\n${migs.join('')}</mig_devices>\n<uuid>${gpu.uuid}</uuid>\n${usage({ total: '81920 MiB', reserved: '869 MiB', used: '50 MiB', free: '80999 MiB' })}<processes>\n${infos.join('')}</processes>\n</gpu>\n`;
  });
  return `<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n<nvidia_smi_log>\n<attached_gpus>${gpus.length}</attached_gpus>\n${cards.join('')}</nvidia_smi_log>\n`;
}

if (situation.hangs) {
  // With a child that hangs as well, as a driver's helper does.
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'inherit' });
  appendFileSync(path.join(folder, 'children'), `${child.pid}\n`);
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1000);
} else if (situation.endless) {
  const pour = () => {
    while (process.stdout.write('0123456789abcdef'.repeat(4096)));
    process.stdout.once('drain', pour);
  };
  pour();
} else {
  const { stdout, stderr, exitCode } = answer();
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = exitCode;
}
