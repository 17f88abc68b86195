/** Milliseconds of CPU that a call takes, whatever else the machine does meanwhile. */
export function cpuMs(call: () => void): number {
  const before = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
