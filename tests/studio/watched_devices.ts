/** The devices that the worker opened, the last one last, for tests: `globalThis.watched`. Loaded before the engine. */
const watched: { readonly devices: GPUDevice[] } = { devices: [] };
Object.assign(globalThis, { watched });

if ("GPUAdapter" in globalThis) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> {
    const device = await requestDevice.call(this, descriptor);
    watched.devices.push(device);
    return device;
  };
}
