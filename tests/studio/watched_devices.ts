/**
 * What the worker's devices do, for tests that look into it: `globalThis.watched`. Loaded before the engine.
 *
 * `devices` are those that were opened, the last one last; `compilations` what the compiler says of every module;
 * `bytes` how many bytes of buffers are alive.
 */
interface Watched {
  readonly devices: GPUDevice[];
  readonly compilations: Promise<readonly string[]>[];
  bytes: number;
}

const watched: Watched = { devices: [], compilations: [], bytes: 0 };
Object.assign(globalThis, { watched });

if ("GPUAdapter" in globalThis) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> {
    const device = await requestDevice.call(this, descriptor);
    watched.devices.push(device);
    return device;
  };
  const { createShaderModule, createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createShaderModule = function (descriptor: GPUShaderModuleDescriptor): GPUShaderModule {
    const module = createShaderModule.call(this, descriptor);
    watched.compilations.push(
      module.getCompilationInfo().then(({ messages }) =>
        messages.map(({ type, lineNum, message }) => `${descriptor.label ?? "module"}:${lineNum}: ${type}: ${message}`)
      ),
    );
    return module;
  };
  GPUDevice.prototype.createBuffer = function (descriptor: GPUBufferDescriptor): GPUBuffer {
    const buffer = createBuffer.call(this, descriptor);
    watched.bytes += descriptor.size;
    const { destroy } = buffer;
    let isAlive = true;
    buffer.destroy = (): undefined => {
      if (isAlive) watched.bytes -= descriptor.size;
      isAlive = false;
      destroy.call(buffer);
      return undefined;
    };
    return buffer;
  };
}
